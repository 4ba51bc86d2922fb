import { exitWith, type Outcome } from "../terminal/outcome.ts";
import * as z from "zod/mini";
import { ApiFailure } from "../system/api_client.ts";
import { getAt, type JsonValue, PathError, readPath, setAt, unsetAt } from "./document_path.ts";
import { readArguments } from "@edgepass/shared/runtime/deno";
import { asAdministrator, findSystem } from "../system/system.ts";

const usage = `Usage: deno task config get [path]
       deno task config set <path> <JSON or a word>
       deno task config unset <path>
       deno task config history
       deno task config rollback <version>
A path is gateway.logLevel or gateway.revocation["/courses/{id}"]; + is the position after the last of a list.`;

const api = "/admin/configuration";

const json: z.ZodMiniType<JsonValue> = z.lazy(() =>
  z.union([
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.array(json),
    z.record(z.string(), json),
  ])
);

const Configuration = z.object({
  version: z.number(),
  document: z.record(z.string(), json),
  changed: z.array(z.string()),
});

const History = z.object({
  items: z.array(z.object({
    version: z.number(),
    changedAt: z.nullable(z.string()),
    changedBy: z.nullable(z.string()),
    comment: z.nullable(z.string()),
    changed: z.array(z.string()),
  })),
});

/** Another administrator may change the configuration between the read and the write. */
const maxAttempts = 3;

/** Calls the public API as the administrator. */
export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;
type Command = (call: Call, args: readonly string[]) => Promise<string>;

const commands: Readonly<Record<string, readonly [minArgs: number, maxArgs: number, Command]>> = {
  get: [0, 1, async (call, [path = ""]) => {
    const { document } = await read(call);
    const found = getAt(document, readPath(path));
    if (found === undefined) throw new PathError(`nothing is at ${path}`);
    return JSON.stringify(found, null, 2);
  }],
  set: [2, 2, async (call, [path = "", value = ""]) => {
    const to = readValue(value);
    return await change(call, (document) => setAt(document, readPath(path), to));
  }],
  unset: [
    1,
    1,
    async (call, [path = ""]) =>
      await change(call, (document) => unsetAt(document, readPath(path))),
  ],
  history: [0, 0, async (call) => {
    const { items } = z.parse(History, await call("GET", `${api}/history?limit=100`));
    if (items.length === 0) return "There is no version yet: the environment applies";
    return items.map(({ version, changedAt, changedBy, comment, changed }) =>
      [`${version}`, changedAt, changedBy, changed.join(", "), comment && `(${comment})`]
        .filter(Boolean).join("  ")
    ).join("\n");
  }],
  rollback: [1, 1, async (call, [version = ""]) => {
    const target = { version: Number(version) };
    return describe(z.parse(Configuration, await call("POST", `${api}/rollback`, target)));
  }],
};

/** Runs `config` as the administrator of a system, which `use` finds. */
export async function runConfig(
  args: readonly string[],
  use: (work: (call: Call) => Promise<string>) => Promise<string>,
): Promise<Outcome> {
  const [name = "", ...rest] = args;
  const [minArgs, maxArgs, command] = Object.hasOwn(commands, name) ? commands[name] ?? [] : [];
  if (!command || rest.length < (minArgs ?? 0) || rest.length > (maxArgs ?? 0)) {
    return { text: usage, code: 2 };
  }
  try {
    return { text: await use((call) => command(call, rest)), code: 0 };
  } catch (error) {
    return { text: explain(error), code: 1 };
  }
}

async function read(call: Call): Promise<z.output<typeof Configuration>> {
  return z.parse(Configuration, await call("GET", api));
}

async function change(call: Call, edit: (document: JsonValue) => JsonValue): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const before = await read(call);
    const body = { document: edit(before.document), ifVersion: before.version };
    try {
      const after = z.parse(Configuration, await call("PUT", api, body));
      if (after.version === before.version) {
        return `Version ${after.version} is current and contains this value already`;
      }
      return describe(after);
    } catch (error) {
      const isLate = error instanceof ApiFailure && error.code === "conflict";
      if (!isLate || attempt === maxAttempts) throw error;
    }
  }
}

function describe({ version, changed }: z.output<typeof Configuration>): string {
  return `Version ${version} is current: ${changed.join(", ") || "nothing changed"}`;
}

/** A plain word counts as text, so it need not be quoted for both the shell and JSON. */
function readValue(text: string): JsonValue {
  try {
    return z.parse(json, JSON.parse(text));
  } catch {
    return text;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : String(error);
  const details = error.details.map(({ path, message }) => `  ${path} ${message}`);
  return [error.message, ...details].join("\n");
}

if (import.meta.main) {
  readArguments({ usage });
  const use = (work: (call: Call) => Promise<string>) =>
    asAdministrator(findSystem(Deno.env.toObject()), work);
  exitWith(await runConfig(Deno.args, use));
}
