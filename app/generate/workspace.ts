import { exists } from "./describe.ts";
import type { Files } from "./head.ts";

/** The files by which Deno, and wrangler's bundler, find the packages of the workspace. */
export async function writeWorkspace(root: URL, services: readonly string[]): Promise<Files> {
  const packages = await Promise.all(services.map((name) => describePackage(root, name)));
  const config: unknown = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const members = listMembers(config, services);
  const own = Object.fromEntries(packages.map((one) => [one.path, one.content]));
  const paths = await Promise.all(members.map((member) => readPaths(root, member, own)));
  const sorted = paths.flat().toSorted(([one], [other]) => one < other ? -1 : 1);
  const tsconfig = { compilerOptions: { paths: Object.fromEntries(sorted) } };
  return {
    ...Object.fromEntries(
      packages.map(({ path, content }) => [path, `${JSON.stringify(content, undefined, 2)}\n`]),
    ),
    "deno.json": `${
      JSON.stringify(Object.assign({}, config, { workspace: members }), undefined, 2)
    }\n`,
    "tsconfig.json": `${JSON.stringify(tsconfig, undefined, 2)}\n`,
  };
}

interface Package {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
}

async function describePackage(root: URL, name: string) {
  const hasEvents = await exists(new URL(`services/${name}/events.ts`, root));
  const exports = { ".": "./service.ts", ...(hasEvents ? { "./events": "./events.ts" } : {}) };
  const content: Package = { name: `@edgepass/${name}`, exports };
  return { path: `services/${name}/deno.json`, content };
}

/** Members that are no service stay as they are; services are those of the list. */
function listMembers(config: unknown, services: readonly string[]): string[] {
  const present = typeof config === "object" && config !== null && "workspace" in config &&
      Array.isArray(config.workspace)
    ? config.workspace.map(String)
    : [];
  const isService = (path: string) => /^\.\/services\/(?!contracts$)/.test(path);
  const others = present.filter((path) => !isService(path) && path !== "./services/contracts");
  return [...others, ...services.map((name) => `./services/${name}`), "./services/contracts"];
}

async function readPaths(
  root: URL,
  member: string,
  own: Readonly<Record<string, Package>>,
): Promise<[string, string[]][]> {
  const path = `${member.slice(2)}/deno.json`;
  const { name, exports }: Package = own[path] ??
    JSON.parse(await Deno.readTextFile(new URL(path, root)));
  const entries = typeof exports === "string" ? [[".", exports] as const] : Object.entries(exports);
  return entries.map(([subpath, target]) => [
    `${name}${subpath.slice(1)}`,
    [`${member}/${target.slice(2)}`],
  ]);
}
