import assert from "node:assert/strict";
import { readKeyFiles } from "./deno_files.ts";

Deno.test("a key file is the setting when no variable is set, and is read again on request", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "first");
    const alone = await readKeyFiles({ PASSPORT_KEYS_FILE: path });
    assert.equal(alone.PASSPORT_KEYS, "first");
    const beside = await readKeyFiles({ ACCESS_TOKEN_KEYS: "own", ACCESS_TOKEN_KEYS_FILE: path });
    assert.deepEqual(Object.keys(beside), ["ACCESS_TOKEN_KEYS_RELOAD"]);
    await Deno.writeTextFile(path, "second");
    for (const again of [alone.PASSPORT_KEYS_RELOAD, beside.ACCESS_TOKEN_KEYS_RELOAD]) {
      assert.ok(typeof again === "function");
      assert.equal(await again(), "second");
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a missing key file ends the start, and only the variable is named", async () => {
  await assert.rejects(
    readKeyFiles({ PASSPORT_KEYS_FILE: "/nowhere/keys.json" }),
    {
      name: "ConfigError",
      message: "Cannot start: PASSPORT_KEYS_FILE names a file that cannot be read",
    },
  );
  assert.deepEqual(await readKeyFiles({ PASSPORT_KEYS_FILE: "", PASSPORT_KEYS: "own" }), {});
});
