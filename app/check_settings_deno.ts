import { composeAuth } from "@edgepass/auth/compose";
import course from "@edgepass/course";
import enrollment from "@edgepass/enrollment";
import recommendation from "@edgepass/recommendation";
import type { Application } from "@edgepass/shared/application";
import { type Bindings, ConfigError } from "@edgepass/shared/config";
import { withoutPrivateKeys } from "@edgepass/shared/passport";
import type { SqlDb } from "@edgepass/shared/sql";
import { createTelemetry } from "@edgepass/shared/telemetry";
import { localUpstream, type Upstream } from "@edgepass/shared/upstream";
import user from "@edgepass/user";
import { compose } from "./compose.ts";

/**
 * Composes programs as their entries do, without starting them and without any network call, and
 * prints the configuration errors of each as JSON: `[{"part":"auth","message":"Cannot start: …"}]`.
 *
 * Settings are read as a JSON object from standard input, because some of them would change this
 * very process if they were in the environment. Arguments: the parts, `gateway auth user course
 * enrollment recommendation`; each part sees the others as present.
 */
const programs = {
  gateway: (bindings, there) => compose(bindings, there),
  auth: (bindings) => readKeys(composeAuth(bindings)),
  user: (bindings, local) => user.compose(bindings, { local }),
  course: (bindings, local) => course.compose(bindings, { local }),
  enrollment: (bindings, local) => enrollment.compose(bindings, { local }),
  recommendation: (bindings) => recommendation.compose(bindings),
} as const satisfies Record<
  string,
  (bindings: Bindings, there: Neighbours) => Promise<Application> | Application
>;
type Part = keyof typeof programs;
type Neighbours = Partial<
  Record<"AUTH" | "USER" | "COURSE" | "ENROLLMENT" | "RECOMMENDATION", Upstream>
>;

/** Files stay closed: a file name becomes a database that refuses every statement. */
const unusedDatabase: SqlDb = { run: refuse, batch: refuse };

const settings: Readonly<Record<string, string>> = await new Response(Deno.stdin.readable).json();
const parts = Deno.args.filter((name): name is Part => Object.hasOwn(programs, name));
const configurationErrors = await Promise.all(parts.map((part) => tryToCompose(part, parts)));
console.log(JSON.stringify(configurationErrors.filter((one) => one !== undefined)));

async function tryToCompose(
  part: Part,
  all: readonly Part[],
): Promise<{ part: Part; message: string } | undefined> {
  try {
    const bindings = toBindings(settings);
    // One set of settings serves all parts here, as in one isolate.
    await programs[part](
      part === "gateway" ? bindings : withoutPrivateKeys(bindings),
      toNeighbours(all),
    );
    return undefined;
  } catch (error) {
    return { part, message: explain(error) };
  }
}

/** Auth imports its keys on first use, and only then detects halves that do not match. */
async function readKeys(auth: Application): Promise<Application> {
  const { status } = await auth.fetch(new Request("http://auth/.well-known/jwks.json"));
  if (status === 200) return auth;
  throw new ConfigError("Cannot start: ACCESS_TOKEN_KEYS has a key whose halves do not match");
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
      .map((part) => [part.toUpperCase(), localUpstream(part, silent)]),
  );
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RangeError || error instanceof TypeError) {
    return error.message;
  }
  return `Cannot start (${error instanceof Error ? error.name : typeof error})`;
}
