import assert from "node:assert/strict";
import { importSecret, Kid } from "./keys.ts";

Deno.test("importSecret limits what a key may do", async () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const both = await importSecret({ kid: "k", secret });
  const verifying = await importSecret({ kid: "k", secret }, ["verify"]);
  assert.deepEqual(both.key.usages.toSorted(), ["sign", "verify"]);
  assert.deepEqual(verifying.key.usages, ["verify"]);
  assert.equal(both.key.extractable, false);
  assert.equal(verifying.key.extractable, false);
});

Deno.test("Kid accepts names without spaces or separators", () => {
  const accepted = ["a", "2026-01.key_1", "k".repeat(64)];
  const refused = ["", "a b", "a:b", "a/b", "k".repeat(65), "ü", "a\n"];
  assert.deepEqual(accepted.map((kid) => Kid.safeParse(kid).success), [true, true, true]);
  assert.ok(refused.every((kid) => !Kid.safeParse(kid).success));
});
