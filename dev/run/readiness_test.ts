import assert from "node:assert/strict";
import { type Look, untilDead } from "./readiness.ts";

/** Probes with these results, and those that were not used. */
async function watch(looks: readonly Look[]) {
  const left = [...looks];
  const found = await untilDead({
    look: () => Promise.resolve(left.shift() ?? "refuses"),
    pause: () => Promise.resolve(),
  });
  return { found, left };
}

Deno.test("a server that refuses five connections in a row counts as down", async () => {
  const { found, left } = await watch(Array<Look>(5).fill("refuses").concat("answers"));
  assert.deepEqual([found, left], ["refuses", ["answers"]]);
});

Deno.test("a server that hangs counts as down, like one that refuses", async () => {
  const { found } = await watch(Array<Look>(5).fill("silent"));
  assert.equal(found, "silent");
});

Deno.test("a server that responds in between counts as up", async () => {
  const failing = Array<Look>(4).fill("refuses");
  const { left } = await watch([...failing, "answers", ...failing, "answers", ...failing]);
  assert.deepEqual(left, []);
});
