import assert from "node:assert/strict";
import { listWorkers } from "../app/workerd_bundle.ts";
import { findOutdatedSizes, sizesDocument } from "./sizes_docs.ts";
import { buildWorkerOnce, type BuiltWorker, runFolder } from "./support/built_workers.ts";
import { isObject, type Json, objectAt } from "./support/json.ts";
import { readProjectFile } from "./support/markdown.ts";

/** A Worker's code and modules. */
interface Bundled {
  readonly code: string;
  readonly modules: readonly string[];
  readonly gzipKiB: number;
  /** The import chain from the entry to a module. */
  chainTo(module: string): string;
}

/** What a bundle must not contain: a module, or a name in the code. */
type Forbidden = Readonly<Record<string, { readonly module?: RegExp; readonly code?: RegExp }>>;

/** The gateway alone is small and starts fast, and lacks the code for a service's work. */
const notInGateway: Forbidden = {
  "OpenAPIRegistry": { module: /zod-(to-)?openapi/, code: /OpenAPIRegistry/ },
  "sqliteTable": { module: /drizzle-orm|^shared\/sql\//, code: /sqliteTable/ },
  "argon2": { module: /@noble\/hashes/, code: /argon2id/ },
  "libSQL's client": { module: /@libsql/ },
  "a service's source": {
    module: /^services\/(?!contracts\/(dependencies|generated\/services)\.ts)/,
  },
  "the service runtime": { module: /^shared\/http\// },
};

/** No placement on Workers may contain these. */
const notOnWorkers: Forbidden = {
  "node:sqlite": { module: /node_sqlite/, code: /["']node:sqlite["']/ },
  "code of another runtime": { module: /^shared\/runtime\/deno|_deno\.ts$/, code: /\bDeno\./ },
  "what only developers use": { module: /^(dev|tests|bench)\//, code: /SwaggerUIBundle = / },
};

/** zod's messages in fifty languages are most of zod's size. */
const notWithMini: Forbidden = { "zod's locales": { module: /zod\/v4\/locales\/(?!en\.)/ } };

/** A service verifies Passports. A service that could sign one could impersonate any subject. */
const notInService: Forbidden = {
  "gateway code": { module: /^(gateway|app)\// },
  "a way to sign a Passport": { module: /^gateway\/passport/, code: /createSignPassport/ },
};

/** Only the identity provider signs: access tokens, with its own key. */
const notWithoutKeys: Forbidden = { "a way to sign": { code: /function signJws\b/ } };

/** The control plane works beside any product. */
const withoutProduct: Forbidden = { "a service's source": { module: /^services\// } };

function otherServices(name: string): Forbidden {
  const module = new RegExp(`^services/(?!${name}/|contracts/|[a-z]+/events\\.ts$)`);
  return { "another service's source": { module } };
}

function rulesFor(config: string): Forbidden {
  if (config === "control/wrangler.toml") {
    return { ...notOnWorkers, ...notInService, ...notWithoutKeys, ...withoutProduct };
  }
  const [, name] = /^services\/(\w+)\//.exec(config) ?? [];
  if (config === "wrangler.toml") return notOnWorkers;
  if (name === undefined) return { ...notOnWorkers, ...notInGateway, ...notWithMini };
  const signing = name === "auth" ? {} : notWithoutKeys;
  return { ...notOnWorkers, ...notInService, ...otherServices(name), ...signing };
}

/** The forbidden parts of a bundle, each with the import chain that brought it. */
function findForbidden({ code, modules, chainTo }: Bundled, rules: Forbidden): string[] {
  return Object.entries(rules).flatMap(([what, { module, code: name }]) => {
    const found = modules.find((one) => module?.test(one));
    if (found !== undefined) return [`${what}: ${chainTo(found)}`];
    return name?.test(code) ? [`${what}: ${name} is in the code`] : [];
  });
}

/** A bundle takes seconds to build, so tests share it. */
const bundles = new Map<string, Promise<Bundled>>();

async function readBundle(config: string): Promise<Bundled> {
  const bundle = bundles.get(config) ?? buildBundle(config);
  bundles.set(config, bundle);
  return await bundle;
}

async function buildBundle(config: string): Promise<Bundled> {
  if (runFolder !== undefined) return await parseBundle(await buildWorkerOnce(config, runFolder));
  const own = await Deno.makeTempDir();
  try {
    return await parseBundle(await buildWorkerOnce(config, own));
  } finally {
    await Deno.remove(own, { recursive: true });
  }
}

async function parseBundle({ folder, metafile, gzipKiB }: BuiltWorker): Promise<Bundled> {
  const meta: unknown = JSON.parse(await Deno.readTextFile(metafile));
  assert.ok(isObject(meta));
  const outputs = Object.values(objectAt(meta, "outputs")).filter(isObject);
  const output = outputs.find(({ entryPoint }) => entryPoint !== undefined);
  assert.ok(output, "the bundle has an entry");
  const sizes = objectAt(output, "inputs");
  const entry = String(output.entryPoint);
  const file = entry.split("/").at(-1)?.replace(/ts$/, "js");
  return {
    gzipKiB,
    code: withoutComments(await Deno.readTextFile(`${folder}/${file}`)),
    modules: Object.keys(sizes).filter((path) => objectAt(sizes, path).bytesInOutput !== 0),
    chainTo: (module) => findChain(objectAt(meta, "inputs"), entry, module).join(" → "),
  };
}

/** Bundled code has module names in its comments. */
function withoutComments(code: string): string {
  return code.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
}

/** The shortest import chain from the entry to a module. */
function findChain(inputs: Json, entry: string, module: string): string[] {
  const chains = new Map([[entry, [entry]]]);
  for (const [path, chain] of chains) {
    if (path === module) return chain;
    const { imports } = objectAt(inputs, path);
    for (const found of Array.isArray(imports) ? imports.filter(isObject) : []) {
      const next = String(found.path);
      if (!chains.has(next)) chains.set(next, [...chain, next]);
    }
  }
  return [module];
}

for (const config of await listWorkers()) {
  Deno.test(`the bundle of ${config} has no forbidden module and no forbidden name`, async () => {
    assert.deepEqual(findForbidden(await readBundle(config), rulesFor(config)), []);
  });
}

Deno.test("the bundle check names a forbidden module and its import chain", async () => {
  const all = await readBundle("wrangler.toml");
  const rules = { ...notInGateway, ...notWithMini };
  const gateway = findForbidden(all, rules);
  assert.deepEqual(gateway.map((one) => one.split(":")[0]), Object.keys(rules));
  assert.match(
    gateway.join("\n"),
    /^argon2: app\/workerd_all\.ts → app\/all\.ts → .*services\/auth\/.* → .*@noble\/hashes/m,
  );
  const service = findForbidden(all, {
    ...notInService,
    ...otherServices("course"),
    ...notWithoutKeys,
  });
  assert.equal(service.length, 4, service.join("\n"));
});

Deno.test(`the sizes in ${sizesDocument} are within 5 % of the built bundles`, async () => {
  const sizes = new Map<string, number>();
  for (const config of await listWorkers()) {
    sizes.set(config, (await readBundle(config)).gzipKiB);
  }
  assert.deepEqual(
    findOutdatedSizes(await readProjectFile(sizesDocument), sizes),
    [],
    `${sizesDocument} is outdated: run deno task docs:sizes`,
  );
});
