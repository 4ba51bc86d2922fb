import assert from "node:assert/strict";
import { databases } from "../workspace/generated/services.ts";
import { toLocalConfig } from "./workers.ts";

const root = "/copy/";

Deno.test("the local Wrangler file lists optional secrets and points to the sources", async () => {
  const text = await Deno.readTextFile(new URL("../../wrangler.toml", import.meta.url));
  const local = toLocalConfig(text, root);
  const [, required = ""] = /^required = \[([^\]]*)\]/m.exec(local) ?? [];
  const names = [...required.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  for (
    const name of ["PASSPORT_KEYS", "QSTASH_TOKEN", "QSTASH_NEXT_SIGNING_KEY", "RECOMMENDER_KEY"]
  ) {
    assert.ok(names.includes(name), name);
  }
  const paths = [...local.matchAll(/^(?:main|directory|migrations_dir|watch_dir) = "(.+)"$/gm)];
  // The program, its sources and the files of the docs page; then the migrations of each database.
  assert.equal(paths.length, 3 + Object.keys(databases).length);
  for (const [, path = ""] of paths) assert.ok(path.startsWith(root), path);
  assert.equal(local.split("\n").length, text.split("\n").length);
});

Deno.test("a Wrangler file without secrets is refused", () => {
  assert.throws(() => toLocalConfig('name = "x"', root), TypeError);
});
