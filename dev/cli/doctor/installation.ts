import * as z from "zod/mini";
import { type DoctorContext, type Effects, fail, type Finding, ok, warn } from "./context.ts";
import { requireDeno, testedVersions } from "../../workspace/start.ts";
import { delimiter, join } from "node:path";

const Pins = z.object({ imports: z.record(z.string(), z.string()) });
const Lock = z.object({
  specifiers: z.record(z.string(), z.string()),
  npm: z.record(z.string(), z.object({ dependencies: z.optional(z.array(z.string())) })),
});
type Lock = z.infer<typeof Lock>;
const Manifest = z.object({ version: z.string() });

const fix = "deno install";

/** The installed packages are those that deno.json and deno.lock pin. */
export async function checkPackages(
  _context: DoctorContext,
  { root }: Effects,
): Promise<Finding[]> {
  const pins = toPins((await readJson(`${root}deno.json`, Pins))?.imports ?? {});
  const lock = await readJson(`${root}deno.lock`, Lock);
  if (lock === undefined) {
    return [fail("deno.lock is missing or damaged", "git checkout deno.lock")];
  }
  const findings: Finding[] = [];
  for (const [name, version] of pins) {
    const finding = await checkPackage(root, name, version);
    if (finding) findings.push(finding);
  }
  if (findings.length > 0) return findings;
  const absent = await listAbsent(root, lock);
  if (absent.length === 0) return [ok(`installed as pinned: ${pins.length}, and what they need`)];
  const some = absent.slice(0, 3).join(", ");
  const rest = absent.length > 3 ? ` and ${absent.length - 3} more` : "";
  return [fail(`not installed as deno.lock pins: ${some}${rest}`, fix)];
}

async function checkPackage(
  root: string,
  name: string,
  version: string,
): Promise<Finding | undefined> {
  const manifest = await readJson(`${root}node_modules/${name}/package.json`, Manifest);
  if (manifest === undefined) return fail(`${name} is not installed`, fix);
  if (manifest.version === version) return undefined;
  return fail(`${name} ${manifest.version} is installed, deno.json pins ${version}`, fix);
}

/** Packages of the lock file that the disk lacks; optional ones may be for other machines. */
async function listAbsent(root: string, lock: Lock): Promise<string[]> {
  const installed = new Set<string>();
  for await (const { name } of Deno.readDir(`${root}node_modules/.deno`)) installed.add(name);
  return [...new Set(listNeeded(lock).map(withoutPeers))]
    .filter((id) => !installed.has(id.replaceAll("/", "+")));
}

/** The pinned packages with all their dependencies. */
function listNeeded({ specifiers, npm }: Lock): string[] {
  // A dependency with only one version is written without it.
  const byName = new Map(Object.keys(npm).map((id) => [id.slice(0, id.indexOf("@", 1)), id]));
  const needed = new Set<string>();
  const open = Object.entries(specifiers).flatMap(([specifier, version]) => {
    const [, name] = /^npm:(.+)@[^@]+$/.exec(specifier) ?? [];
    return name === undefined ? [] : [`${name}@${version}`];
  });
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (needed.has(id)) continue;
    needed.add(id);
    open.push(...(npm[id]?.dependencies ?? []).map((name) => byName.get(name) ?? name));
  }
  return [...needed];
}

/** `name@version_peer@version` is one version of a package with one choice of its peers. */
function withoutPeers(id: string): string {
  const version = id.indexOf("@", 1);
  const peers = id.indexOf("_", version);
  return peers === -1 ? id : id.slice(0, peers);
}

/**
 * `npm:name@version` by name. An alias names a second version of a package, which does not stand
 * under the package's own name in `node_modules`; the lock file's check finds it.
 */
function toPins(imports: Readonly<Record<string, string>>): [name: string, version: string][] {
  return Object.entries(imports).flatMap(([alias, target]) => {
    const [, name, version] = /^npm:(.+)@([^@]+)$/.exec(target) ?? [];
    return name !== alias || version === undefined ? [] : [[name, version]];
  });
}

async function readJson<Schema extends z.ZodMiniType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  try {
    return z.parse(schema, JSON.parse(await Deno.readTextFile(path)));
  } catch {
    return undefined;
  }
}

/** The Deno that runs this is new enough, and a version that the tests run on. */
export function checkDeno(_context: DoctorContext, { denoVersion }: Effects): Finding[] {
  try {
    requireDeno(denoVersion);
    if (testedVersions.includes(denoVersion)) return [ok(`Deno ${denoVersion}`)];
    return [warn(
      `Deno ${denoVersion} is none of those that the tests run on: ${testedVersions.join(", ")}`,
      `deno upgrade ${testedVersions.at(-1)}`,
    )];
  } catch (error) {
    const reason = error instanceof Error ? error.message : "";
    return [fail(reason.replace(/^Cannot start: /, ""), "deno upgrade")];
  }
}

/** Programs that only tests need, by the tests that are skipped without them. */
const tools = [
  { names: ["redis-server"], without: "the suites against a real Redis are left out" },
  {
    names: ["chromium", "chromium-browser", "google-chrome"],
    without: "the tests of the page are left out",
  },
] as const;

/** What tests can make use of; none of it is required. */
export function checkTools({ scope, variables }: DoctorContext): Finding[] {
  if (scope === "deployment") return [];
  const folders = (variables.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return tools.map(({ names, without }) => {
    const found = names.find((name) => folders.some((folder) => isFile(join(folder, name))));
    return ok(found === undefined ? `no ${names[0]}: ${without}` : `${found} is there for tests`);
  });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
