import { readArguments } from "@edgepass/shared/runtime/deno";
import { services } from "../services.ts";
import { routes } from "../generated/routes.ts";
import { reserved } from "./check.ts";
import { exists } from "./describe.ts";

const root = new URL("../../", import.meta.url);
const template = new URL("template/", import.meta.url);

const usage = `Usage: deno task new service <name> [--events none] [--database none]

Writes services/<name>/: items that belong to their person, with tests and migrations, at /<name>.
Adds its line to app/services.ts, and generates everything that follows from it.

--events none    it publishes and consumes no events, so rows of closed accounts stay
--database none  it has no database, and no events`;

/** What the new service has. */
interface Choice {
  readonly name: string;
  readonly hasEvents: boolean;
  readonly hasDatabase: boolean;
}

readArguments({ usage });
const choice = readChoice(Deno.args);
await requireFreeName(choice.name);
const files = await writeService(choice);
await addLine(choice.name);
if (choice.hasEvents) await addDocumentedEvents(choice.name);
await run(["fmt", "--quiet", "docs/events.md", ...files]);
await run(["task", "--quiet", "generate"]);
await run(["task", "--quiet", "openapi"]);
console.log(
  `services/${choice.name}/ serves /${choice.name} for signed-in people; run deno task ok`,
);
for (const warning of listWarnings(choice)) console.log(warning);

function readChoice(args: readonly string[]): Choice {
  const [kind, name, ...options] = args.flatMap((arg) => arg.split("="));
  const without = { events: false, database: false };
  for (let at = 0; at < options.length; at += 2) {
    const option = options[at]?.replace("--", "");
    if ((option !== "events" && option !== "database") || options[at + 1] !== "none") fail(usage);
    without[option] = true;
  }
  if (kind !== "service" || name === undefined) fail(usage);
  return {
    name,
    hasDatabase: !without.database,
    hasEvents: !without.database && !without.events,
  };
}

/** What the author has to do about personal data, one line each. */
function listWarnings({ name, hasEvents, hasDatabase }: Choice): string[] {
  if (!hasDatabase) return [];
  return [
    ...hasEvents ? [] : [
      `Without events ${name} does not hear of closed accounts: their rows stay until you delete them`,
    ],
    `GET /users/me/export does not have its part until services/enrollment/ asks ${name} for it`,
  ];
}

async function requireFreeName(name: string): Promise<void> {
  const bad = (why: string) => fail(`Cannot create the service "${name}": ${why}`);
  if (!/^[a-z]{2,24}$/.test(name)) bad("a name is 2 to 24 lower-case letters");
  if (services.includes(name)) bad("there is a service of this name");
  if (reserved.includes(name)) bad("the name is reserved for the platform");
  if (await exists(new URL(`services/${name}`, root))) bad(`services/${name}/ exists already`);
  if (Object.keys(routes).some((path) => path.split("/")[1] === name)) {
    bad(`/${name} belongs to another service`);
  }
}

/** Writes the folder, and returns the paths of its sources. */
async function writeService({ name, hasEvents, hasDatabase }: Choice): Promise<string[]> {
  const fill = async (file: string) => {
    const text = await Deno.readTextFile(new URL(`${file}.txt`, template));
    return toText(text, name, hasEvents);
  };
  const eventTables = new URL("shared/events/tables.sql", root);
  const texts: Record<string, string> = hasDatabase
    ? {
      "service.ts": await fill("service.ts"),
      "schema.ts": await fill("schema.ts"),
      "routes.ts": await fill("routes.ts"),
      "rules.ts": await fill("rules.ts"),
      "store.ts": await fill("store.ts"),
      [`${name}_test.ts`]: await fill("service_test.ts"),
      [`migrations/0001_${name}.sql`]: await fill("tables.sql"),
      "migrations/0002_idempotency.sql": await fill("idempotency.sql"),
      ...(hasEvents
        ? {
          "events.ts": await fill("events.ts"),
          "reconciliation.ts": await fill("reconciliation.ts"),
          "migrations/0003_events.sql": await Deno.readTextFile(eventTables),
        }
        : {}),
    }
    : { "service.ts": await fill("plain_service.ts"), "routes.ts": await fill("plain_routes.ts") };
  const folder = new URL(`services/${name}/`, root);
  for (const [path, text] of Object.entries(texts)) {
    const file = new URL(path, folder);
    await Deno.mkdir(new URL(".", file), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  return Object.keys(texts).filter((path) => path.endsWith(".ts"))
    .map((path) => `services/${name}/${path}`);
}

/** Fills in the names, and keeps what stands between the marks of a service with events or not. */
function toText(text: string, name: string, hasEvents: boolean): string {
  const one = name.length > 2 && name.endsWith("s") ? name.slice(0, -1) : name;
  const capital = (word: string) => `${word[0]?.toUpperCase()}${word.slice(1)}`;
  const marked = /\/\*(events|plain)\*\/\n?([\s\S]*?)\/\*end\*\/\n?/g;
  return text
    .replace(marked, (_all, mark, part: string) => hasEvents === (mark === "events") ? part : "")
    .replaceAll("__PLURAL__", name.toUpperCase())
    .replaceAll("__Plural__", capital(name === one ? `${name}s` : name))
    .replaceAll("__plural__", name)
    .replaceAll("__Name__", capital(one))
    .replaceAll("__name__", one);
}

async function addLine(name: string): Promise<void> {
  const file = new URL("app/services.ts", root);
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(/\n\];/, `\n  "${name}",\n];`));
}

/** The guide lists every type of event, with its consumers. */
async function addDocumentedEvents(name: string): Promise<void> {
  const file = new URL("docs/events.md", root);
  const one = toText("__name__", name, true);
  const rows = `| \`${one}.created\` | ${name} | nothing | ${one} | | a ${one} was created |
| \`${one}.deleted\` | ${name} | nothing | end | | a ${one}, or its person's account, was deleted |\n`;
  const text = (await Deno.readTextFile(file))
    .replace(/^(\| `user\.deleted`(?:[^|]*\|){4}[^|]*?) *\|/m, `$1, ${name} |`)
    .replace(/^\| `user\.registered`[\s\S]*?\n(?=\n)/m, (table) => table + rows);
  await Deno.writeTextFile(file, text);
}

async function run(args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  if (!success) fail(`Cannot run deno ${args.join(" ")}: run it again to see why`);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
