import {
  type Application,
  type Bindings,
  ConfigError,
  localUpstream,
  type Upstream,
} from "@edgepass/shared/configuration";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import type { SqlDb } from "@edgepass/shared/sql";
import { createTelemetry } from "@edgepass/shared/telemetry";
import { compose } from "./compose.ts";
import { services } from "./generated/services.ts";

/**
 * Composes programs as their entries do, without starting them and without any network call, and
 * prints the configuration errors of each as JSON: `[{"part":"auth","message":"Cannot start: …"}]`.
 *
 * Settings are read as a JSON object from standard input, because some of them would change this
 * very process if they were in the environment. Arguments: the parts, `gateway` and names of services;
 * each part sees the others as present.
 */
type Part = "gateway" | keyof typeof services;
type Neighbours = Readonly<Record<string, Upstream>>;

async function composePart(part: Part, bindings: Bindings, local: Neighbours): Promise<void> {
  if (part === "gateway") return void await compose(bindings, local);
  // One set of settings serves all parts here, as in one isolate.
  await services[part].compose(withoutPrivateKeys(bindings), { local }).checkSettings();
}

/** Files stay closed: a file name becomes a database that refuses every statement. */
const unusedDatabase: SqlDb = { run: refuse, batch: refuse };

const settings: Readonly<Record<string, string>> = await new Response(Deno.stdin.readable).json();
const parts = Deno.args.filter((name): name is Part =>
  name === "gateway" || Object.hasOwn(services, name)
);
const configurationErrors = await Promise.all(parts.map((part) => tryToCompose(part, parts)));
console.log(JSON.stringify(configurationErrors.filter((one) => one !== undefined)));

async function tryToCompose(
  part: Part,
  all: readonly Part[],
): Promise<{ part: Part; message: string } | undefined> {
  try {
    await composePart(part, toBindings(settings), toNeighbours(all));
    return undefined;
  } catch (error) {
    return { part, message: explain(error) };
  }
}

function toBindings(variables: Readonly<Record<string, string>>): Bindings {
  const opened = Object.entries(variables)
    .map(([name, value]) => [name, value.startsWith("sqlite:") ? unusedDatabase : value]);
  const TELEMETRY = createTelemetry(variables, { runtime: "deno", log: () => {} });
  return { ...Object.fromEntries(opened), LOG_SINK: () => {}, TELEMETRY };
}

function refuse(): Promise<never> {
  return Promise.reject(new TypeError("Cannot use a database that is not open"));
}

function toNeighbours(parts: readonly Part[]): Neighbours {
  const silent: Application = { fetch: () => new Response(null, { status: 503 }) };
  return Object.fromEntries(
    parts.filter((part) => part !== "gateway")
      .map((part) => [services[part].place, localUpstream(part, silent)]),
  );
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RangeError || error instanceof TypeError) {
    return error.message;
  }
  return `Cannot start (${error instanceof Error ? error.name : typeof error})`;
}
