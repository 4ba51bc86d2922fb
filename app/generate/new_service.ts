import { readArguments } from "@edgepass/shared/runtime/deno";
import { services } from "../services.ts";
import { routes } from "../generated/routes.ts";
import { DeclarationError, describeServices, exists } from "./describe.ts";
import { generate } from "./generate.ts";
import { explainName } from "./names.ts";

const root = new URL("../../", import.meta.url);
const template = new URL("template/", import.meta.url);

const usage = `Usage: deno task new service <name> [--events none] [--database none]

Writes services/<name>/: items that belong to their person, with tests and migrations, at /<name>.
Adds its line to app/services.ts, and generates everything that follows from it. A command that
fails leaves nothing behind.

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
const undo = await prepareUndo(choice.name);
try {
  await create(choice);
} catch (error) {
  await undo();
  fail(error instanceof Error ? error.message : String(error));
}
console.log(
  `services/${choice.name}/ serves /${choice.name} for signed-in people; run deno task ok`,
);
for (const warning of listWarnings(choice)) console.log(warning);

async function create(choice: Choice): Promise<void> {
  const files = await writeService(choice);
  await addLine(choice.name);
  await run(["fmt", "--quiet", ...files]);
  await run(["task", "--quiet", "generate"]);
  await run(["task", "--quiet", "openapi"]);
  await run(["task", "--quiet", "docs:configuration"]);
  await run(["task", "--quiet", "docs:sizes", `services/${choice.name}/wrangler.toml`]);
}

/** Puts everything back that is written later: a half-made service would keep Deno from starting. */
async function prepareUndo(name: string): Promise<() => Promise<void>> {
  const generated = await generate(root).catch((error) => {
    if (error instanceof DeclarationError) fail(error.message);
    throw error;
  });
  const paths = [
    ...["app/services.ts", "docs/configuration.md", "docs/openapi.json"],
    "tests/generated/api.d.ts",
    ...Object.keys(generated),
  ];
  const texts = await Promise.all(
    paths.map(async (path) => {
      const file = new URL(path, root);
      return [file, await Deno.readTextFile(file).catch(() => undefined)] as const;
    }),
  );
  return async () => {
    await Deno.remove(new URL(`services/${name}`, root), { recursive: true }).catch(() => {});
    for (const [file, text] of texts) {
      if (text === undefined) await Deno.remove(file).catch(() => {});
      else if (await Deno.readTextFile(file) !== text) await Deno.writeTextFile(file, text);
    }
  };
}

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
  if (!hasDatabase || hasEvents) return [];
  return [
    `Without events ${name} receives no event of closed accounts: their rows stay until you delete them`,
  ];
}

async function requireFreeName(name: string): Promise<void> {
  const bad = (why: string) => fail(`Cannot create the service "${name}": ${why}`);
  if (services.includes(name)) bad("there is a service of this name");
  const reason = explainName(name) ?? await explainTemplate(name) ??
    explainName(name, await listServiceSettings());
  if (reason !== undefined) bad(reason);
  if (await exists(new URL(`services/${name}`, root))) bad(`services/${name}/ exists already`);
  if (Object.keys(routes).some((path) => path.split("/")[1] === name)) {
    bad(`/${name} belongs to another service`);
  }
}

async function listServiceSettings(): Promise<string[]> {
  const described = await describeServices(root, services);
  return described.flatMap(({ service }) => service.settings.map(({ name }) => name));
}

/** The sources declare the name, and what one of it is called: neither may hide what they use. */
async function explainTemplate(name: string): Promise<string | undefined> {
  const used = new Set<string>();
  for await (const file of Deno.readDir(template)) {
    if (!file.name.endsWith(".ts.txt")) continue;
    const text = await Deno.readTextFile(new URL(file.name, template));
    const code = text.replace(/\/\*[^]*?\*\/|\/\/.*|"[^"\n]*"/g, "");
    for (const [word] of code.matchAll(/\b[A-Za-z]\w*/g)) used.add(word);
  }
  const own = ["__plural__", "__name__", "__Plural__", "__Name__"]
    .map((mark) => toText(mark, name, true));
  const word = own.find((one) => used.has(one)) ??
    own.find((one) => explainName(one)?.includes("TypeScript"));
  return word && `"${word}" has another meaning in the service's sources`;
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

async function run(args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  if (!success) {
    const why = new TextDecoder().decode(stderr).trim();
    throw new Error(`Cannot run deno ${args.join(" ")}, so nothing was created: ${why}`);
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
