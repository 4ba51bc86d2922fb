import { services as folders } from "../services.ts";
import { checkServices } from "./check.ts";
import { writeCode } from "./code.ts";
import { describeServices, readPublishedTypes } from "./describe.ts";
import { writeContracts, writeTypes } from "./events.ts";
import type { Files } from "./head.ts";
import { replaceBetween, writeGuide } from "./guide.ts";
import { writeReference } from "./reference.ts";
import { writeWorkspace } from "./workspace.ts";
import { writeWranglerFiles } from "./wrangler.ts";

/**
 * What must exist before the declarations can be read: packages, and the tables of events and of
 * exports. New consumers and parts are not known yet; {@link generate} adds them.
 */
export async function prepare(root: URL): Promise<Files> {
  const table = await read(root, "services/contracts/generated/events.ts") ?? "";
  const exports = readExports(await read(root, "services/contracts/generated/services.ts") ?? "");
  const published = await Promise.all(folders.map(async (folder) => ({
    folder,
    publishes: Object.keys(await readPublishedTypes(root, folder)),
    consumes: readConsumed(table, folder),
    exports: exports.get(folder),
  })));
  return await format({
    ...await writeWorkspace(root, folders),
    ...writeContracts(published),
  });
}

/**
 * Everything that follows from the list of services and their declarations, by its path.
 *
 * @throws {DeclarationError} for declarations that contradict each other
 */
export async function generate(root: URL): Promise<Files> {
  const services = await describeServices(root, folders);
  checkServices(services);
  const published = await Promise.all(folders.map((folder) => readPublishedTypes(root, folder)));
  const wranglerPaths = [
    "wrangler.toml",
    "wrangler.split.toml",
    ...folders.map((folder) => `services/${folder}/wrangler.toml`),
  ];
  const present = new Map(
    await Promise.all(wranglerPaths.map(async (path) => [path, await read(root, path)] as const)),
  );
  return await format({
    ...await writeWorkspace(root, folders),
    ...writeContracts(services.map((one) => ({ ...one, exports: one.service.exports }))),
    ...writeCode(services),
    ...writeWranglerFiles(services, (path) => present.get(path)),
    "docs/reference.md": writeReference(),
    "docs/deploy.md": writeGuide(await read(root, "docs/deploy.md") ?? "", services),
    "docs/events.md": replaceBetween(
      { path: "docs/events.md", text: await read(root, "docs/events.md") ?? "" },
      "types of event",
      writeTypes(services, Object.assign({}, ...published)),
    ),
  });
}

/** The types that a written table assigns to a consumer. */
function readConsumed(table: string, folder: string): string[] {
  const rows = [...table.matchAll(/^ {2}"([^"]+)": \{[^}]*consumers: \[([^\]]*)\]/gm)];
  return rows.flatMap(([, type = "", consumers = ""]) =>
    consumers.includes(`"${folder}"`) ? [type] : []
  );
}

/** What a written table says of the exports of services. */
function readExports(table: string): Map<string, string> {
  const [, rows = ""] = /exportServices = \{([^]*?)\} as const/.exec(table) ?? [];
  const found = rows.matchAll(/"([^"]+)":\s*("(?:[^"\\]|\\.)*")/g);
  return new Map([...found].map(([, folder = "", text = ""]) => [folder, JSON.parse(text)]));
}

/** Writes the files that differ, and returns their paths. */
export async function writeFiles(root: URL, files: Files): Promise<string[]> {
  const written: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    if (await read(root, path) === text) continue;
    const file = new URL(path, root);
    await Deno.mkdir(new URL(".", file), { recursive: true });
    await Deno.writeTextFile(file, text);
    written.push(path);
  }
  return written;
}

async function read(root: URL, path: string): Promise<string | undefined> {
  return await Deno.readTextFile(new URL(path, root)).catch(() => undefined);
}

/** As `deno fmt` has them, so that a formatted tree is not changed by the command. */
async function format(files: Files): Promise<Files> {
  const folder = await Deno.makeTempDir();
  try {
    const formatted = Object.keys(files).filter((path) => /\.(ts|json|md)$/.test(path));
    for (const path of formatted) {
      const file = `${folder}/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, files[path] ?? "");
    }
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["fmt", "--quiet", "--no-config", "--line-width=100", ...formatted],
      cwd: folder,
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const texts = await Promise.all(
      formatted.map(async (path) => [path, await Deno.readTextFile(`${folder}/${path}`)] as const),
    );
    return { ...files, ...Object.fromEntries(texts) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
