import assert from "node:assert/strict";
import { isObject, type Json, objectAt } from "./support/json.ts";

const root = new URL("../", import.meta.url);

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, root));
}

async function readJson(path: string): Promise<Json> {
  const value: unknown = JSON.parse(await readText(path));
  assert.ok(isObject(value), path);
  return value;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

async function listMembers(): Promise<string[]> {
  return textsOf((await readJson("deno.json")).workspace).map((path) => path.replace("./", ""));
}

/** Every source file of the members, with tests and other files. */
async function listSources(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    if (name.startsWith(".") || ["node_modules", "dist", "coverage"].includes(name)) continue;
    const path = `${folder}${name}`;
    if (isDirectory) found.push(...await listSources(`${path}/`));
    else if (/\.tsx?$/.test(name) && !name.endsWith(".d.ts")) found.push(path);
  }
  return found;
}

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const importPattern =
  /(?:^|[;}])\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\b(?:import|import\.meta\.resolve)\(\s*[`"]([^`"$]+)|new URL\("(\.[^"]+\.tsx?)", import/gm;

async function listImports(): Promise<Import[]> {
  const sources = await listSources();
  const imports = sources.map(async (file) =>
    [...(await readText(file)).matchAll(importPattern)].map(([, ...found]) => ({
      file,
      specifier: found.find((one) => one !== undefined) ?? "",
    }))
  );
  return (await Promise.all(imports)).flat();
}

Deno.test("the exports of members equal the bundler's aliases", async () => {
  const exported: Record<string, string> = {};
  for (const member of await listMembers()) {
    const { name, exports } = await readJson(`${member}/deno.json`);
    const entries = isObject(exports) ? Object.entries(exports) : [[".", String(exports)] as const];
    for (const [subpath, target] of entries) {
      exported[`${name}${subpath.slice(1)}`] = `./${member}/${String(target).replace("./", "")}`;
    }
  }
  const { compilerOptions } = await readJson("tsconfig.json");
  assert.ok(isObject(compilerOptions));
  const paths = Object.entries(objectAt(compilerOptions, "paths"))
    .map(([name, targets]) => [name, textsOf(targets).join()]);
  assert.deepEqual(Object.fromEntries(paths), exported);
});

Deno.test("every export of a member exists", async () => {
  const { compilerOptions } = await readJson("tsconfig.json");
  assert.ok(isObject(compilerOptions));
  const targets = Object.values(objectAt(compilerOptions, "paths")).flatMap(textsOf);
  const sources = new Set(await listSources());
  assert.deepEqual(targets.filter((path) => !sources.has(path.replace("./", ""))), []);
});

Deno.test("every package that the source imports is pinned in one place", async () => {
  const { imports: pins = {} } = await readJson("deno.json");
  assert.ok(isObject(pins));
  for (const [name, target] of Object.entries(pins)) {
    assert.match(String(target), /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/, name);
    // The one alias: tests run the service runtime in applications with another Hono version.
    const packageName = name === "hono-older" ? "hono" : name;
    assert.ok(String(target).startsWith(`npm:${packageName}@`), name);
  }
  const packageOf = (specifier: string) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const named = (await listImports()).filter(({ specifier }) =>
    !/^(\.|node:|@edgepass\/)/.test(specifier)
  );
  assert.ok(named.length > 100);
  const unpinned = named.filter(({ specifier }) => !(packageOf(specifier) in pins));
  assert.deepEqual(unpinned, []);
  const texts = (await Promise.all((await listSources()).map(readText))).join("\n");
  const isUsed = (name: string) =>
    named.some(({ specifier }) => packageOf(specifier) === name) ||
    texts.includes(`node_modules/${name}/`);
  assert.deepEqual(Object.keys(pins).filter((name) => !isUsed(name)), [], "pinned and unused");
  for (const member of await listMembers()) {
    assert.equal((await readJson(`${member}/deno.json`)).imports, undefined, member);
  }
});

Deno.test("the lock file names exact versions of npm packages and no address", async () => {
  const text = await readText("deno.lock");
  assert.doesNotMatch(text, /https?:\/\//);
  assert.doesNotMatch(text, /"jsr:/);
  const { specifiers } = await readJson("deno.lock");
  assert.ok(isObject(specifiers));
  const loose = Object.keys(specifiers).filter((name) => !/^npm:.+@\d+\.\d+\.\d+$/.test(name));
  assert.deepEqual(loose, []);
});

Deno.test("every file of a member is imported, or is an entry point", async () => {
  const sources = (await listSources()).filter((file) => !/^(tests|bench)\/|_test\.ts$/.test(file));
  const { tasks } = await readJson("deno.json");
  const exported = objectAt(objectAt(await readJson("tsconfig.json"), "compilerOptions"), "paths");
  const imported = new Set(
    (await listImports()).map(({ file, specifier }) =>
      specifier.startsWith(".")
        ? new URL(specifier, new URL(file, root)).href
        : new URL(textsOf(exported[specifier])[0] ?? "", root).href
    ),
  );
  const commands = [...Object.values(isObject(tasks) ? tasks : {}), await readText("wrangler.toml")]
    .join(" ");
  // Dev starts some programs by their path.
  const started = (await Promise.all(sources.map(readText))).join("\n");
  const faces = new Set(Object.values(exported).flatMap(textsOf).map((path) => path.slice(2)));
  const isEntry = (file: string) =>
    /(^|\/)(deno|workerd)\.ts$/.test(file) ||
    /^(app\/(workerd_all|gateway_deno)|local\/\w+\/main)\.ts$/.test(file) ||
    commands.includes(file) || faces.has(file) || started.includes(`\${projectRoot}${file}\``) ||
    started.includes(`file: "${file}"`);
  const orphans = sources.filter((file) =>
    !imported.has(new URL(file, root).href) && !isEntry(file)
  );
  assert.deepEqual(orphans, []);
});
