import assert from "node:assert/strict";
import { projectRoot } from "./support/markdown.ts";

interface Graph {
  readonly roots: readonly string[];
  readonly redirects?: Readonly<Record<string, string>>;
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier?: string };
    }[];
  }[];
}

/** Every module that runs before the first line of a file: what it imports, but not on demand. */
async function listStartModules(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", path],
    cwd: projectRoot,
    stderr: "null",
  }).output();
  const { roots, redirects = {}, modules }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const bySpecifier = new Map(modules.map((one) => [one.specifier, one]));
  const found = new Set<string>();
  const left = [...roots];
  for (let specifier = left.pop(); specifier !== undefined; specifier = left.pop()) {
    const target = redirects[specifier] ?? specifier;
    if (found.has(target)) continue;
    found.add(target);
    for (const { isDynamic, code } of bySpecifier.get(target)?.dependencies ?? []) {
      if (!isDynamic && code?.specifier !== undefined) left.push(code.specifier);
    }
  }
  return [...found];
}

/** Each of them is a tenth of a cold start. */
const onDemand = /@libsql|@upstash\/qstash/;

const loads: Readonly<Record<string, RegExp>> = {
  // A program with one route of its own has neither a database nor events.
  "shared/http/mod.ts": /drizzle-orm|@libsql|@upstash\/qstash|shared\/events\//,
  "gateway/mod.ts": /drizzle-orm|zod-openapi|@libsql|@upstash\/qstash|shared\/(events|sql|http)\//,
  "app/gateway_deno.ts": /drizzle-orm|zod-openapi|@libsql|@upstash\/qstash|shared\/(events|http)\//,
  "app/deno.ts": onDemand,
  "control/deno.ts": onDemand,
};

for (const [path, unneeded] of Object.entries(loads)) {
  Deno.test(`${path} starts without modules that it may never run`, async () => {
    const modules = await listStartModules(path);
    assert.ok(modules.length > 50, "the graph was read");
    assert.deepEqual(modules.filter((one) => unneeded.test(one)), []);
  });
}
