import assert from "node:assert/strict";
import { type Look, untilDead } from "./liveness.ts";

/** Looks with these results, and whether all of them were wanted. */
async function watch(looks: readonly Look[]) {
  const left = [...looks];
  const found = await untilDead({
    look: () => Promise.resolve(left.shift() ?? "refuses"),
    pause: () => Promise.resolve(),
  });
  return { found, left };
}

Deno.test("a server that refuses five times in a row is dead", async () => {
  const { found, left } = await watch(Array<Look>(5).fill("refuses").concat("answers"));
  assert.deepEqual([found, left], ["refuses", ["answers"]]);
});

Deno.test("a server that hangs is dead like one that refuses", async () => {
  const { found } = await watch(Array<Look>(5).fill("silent"));
  assert.equal(found, "silent");
});

Deno.test("a server that answers in between lives on", async () => {
  const failing = Array<Look>(4).fill("refuses");
  const { left } = await watch([...failing, "answers", ...failing, "answers", ...failing]);
  assert.deepEqual(left, []);
});
