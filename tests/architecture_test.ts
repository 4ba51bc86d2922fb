import assert from "node:assert/strict";
import plugin from "./architecture.ts";
import { findCircles } from "./measure/circles.ts";
import factsPlugin, { type Fact } from "./measure/lint_plugin.ts";
import { readEntryPoints } from "./measure/public_names.ts";
import { readSources, toMeasuredFile } from "./measure/read_facts.ts";
import { projectRoot } from "./support/markdown.ts";
import { files } from "./support/sources.ts";

/** What the plugin reports on a file of this path with one import. */
function lint(path: string, specifier: string): string[] {
  return judge(path, `import { x } from "${specifier}";\n`);
}

/** What the plugin reports on a file, without what its `deno-lint-ignore` comments silence. */
function judge(path: string, text: string): string[] {
  return Deno.lint.runPlugin(plugin, projectRoot + path, text).map(({ message }) => message);
}

const folders = ["app", "bench", "control", "dev", "gateway", "local", "ops", "services", "shared"];
/** `files` leaves out what a program writes; its imports count here. */
const written = ["app/generated", "services/contracts/generated", "dev/workspace/generated"];

Deno.test("every file imports only what its unit and room may", async () => {
  const sources = await Array.fromAsync(files([...folders, ...written]));
  assert.ok(sources.length > 300, "the files were found");
  const found = sources.flatMap(({ path, text }) =>
    judge(path, text).map((message) => `${path}: ${message}`)
  );
  assert.deepEqual(found, []);
});

const breaches = {
  "a lower room that imports a higher one": [
    "shared/redis/redis.ts",
    "../events/outbox.ts",
    "redis may not import events: only rooms of lower rank",
  ],
  "a room that imports another of its rank": [
    "shared/passport/verify.ts",
    "../tokens/mod.ts",
    "passport may not import tokens: only rooms of lower rank",
  ],
  "a file beside the rooms that imports a room above it": [
    "shared/problem.ts",
    "./context/mod.ts",
    "problem may not import context: only rooms of lower rank",
  ],
  "a file deep in a room that imports a higher one": [
    "shared/telemetry/otlp/traces.ts",
    "../../http/mod.ts",
    "telemetry may not import http: only rooms of lower rank",
  ],
  "a room without a rank": [
    "shared/attic/box.ts",
    "../problem.ts",
    "attic has no rank: give it one in tests/architecture.ts",
  ],
  "a room that imports one without a rank": [
    "shared/http/mod.ts",
    "../attic/box.ts",
    "http may not import attic: only rooms of lower rank",
  ],
  "a unit that imports another by its path": [
    "gateway/mod.ts",
    "../shared/problem.ts",
    "../shared/problem.ts leaves the unit: use its package name",
  ],
  "shared, which imports another unit": [
    "shared/http/mod.ts",
    "@edgepass/gateway",
    "shared may not import @edgepass/gateway",
  ],
  "control, which imports its host": [
    "control/mod.ts",
    "@edgepass/auth",
    "control may not import @edgepass/auth",
  ],
  "the gateway, which imports the control plane that it calls": [
    "gateway/mod.ts",
    "@edgepass/control/gateway",
    "gateway may not import @edgepass/control/gateway",
  ],
  "a service that does not mount the control plane": [
    "services/user/store.ts",
    "@edgepass/control/statements",
    "service may not import @edgepass/control/statements",
  ],
} as const;

for (const [what, [path, specifier, message]] of Object.entries(breaches)) {
  Deno.test(`the rule reports ${what}`, () => {
    assert.deepEqual(lint(path, specifier), [message]);
  });
}

const allowed = {
  "a higher room that imports a lower one": ["shared/http/route.ts", "../problem.ts"],
  "a room that imports from itself": ["shared/events/outbox.ts", "./table.ts"],
  "auth, which mounts the control plane": ["services/auth/compose.ts", "@edgepass/control"],
  "a test, whatever it imports": ["shared/redis/redis_test.ts", "../http/mod.ts"],
} as const;

for (const [what, [path, specifier]] of Object.entries(allowed)) {
  Deno.test(`the rule allows ${what}`, () => {
    assert.deepEqual(lint(path, specifier), []);
  });
}

Deno.test("no files of the platform import each other in a circle, not even for types", async () => {
  const units = ["gateway", "control", "shared"];
  // Not by `deno lint`, which may crash with a plugin.
  const files = (await readSources(units)).map((source) => {
    const facts = Deno.lint.runPlugin(factsPlugin, projectRoot + source.path, source.text)
      .map(({ message }): Fact => JSON.parse(message));
    return toMeasuredFile(source, new Map([[source.path, facts]]));
  });
  assert.ok(files.length > 100, "the files were found");
  const entries = await Promise.all(units.map(readEntryPoints));
  const packages = new Map(entries.flatMap((found) => [...found]));
  assert.deepEqual(findCircles(files, { packages, withTypes: true }), []);
});

Deno.test("shared has at most 14 entry points", async () => {
  assert.ok((await readEntryPoints("shared")).size <= 14);
});
