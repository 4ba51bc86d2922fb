import assert from "node:assert/strict";
import { memoizeHeaderRule } from "./headers.ts";

function setup() {
  const evaluated: string[] = [];
  const verdict = memoizeHeaderRule((name) => {
    evaluated.push(name);
    return name.startsWith("x-");
  });
  return { verdict, evaluated };
}

Deno.test("a rule runs once for a name, and its result is stored under that name", () => {
  const { verdict, evaluated } = setup();
  for (let times = 0; times < 3; times++) {
    assert.deepEqual(["x-a", "a", "x-b"].map(verdict), [true, false, true]);
  }
  assert.deepEqual(evaluated, ["x-a", "a", "x-b"]);
});

Deno.test("names that clients invent have a limited cache and do not block later names", () => {
  const { verdict, evaluated } = setup();
  for (let at = 0; at <= 1_000; at++) verdict(`x-made-up-${at}`);
  evaluated.length = 0;
  verdict("accept");
  verdict("accept");
  assert.deepEqual(evaluated, ["accept"], "names after a flood are cached");
  evaluated.length = 0;
  for (const at of [0, 1, 1_000]) verdict(`x-made-up-${at}`);
  assert.deepEqual(evaluated, ["x-made-up-0", "x-made-up-1"], "the oldest were evicted");
});

Deno.test("a name of any length gets its result, and a long one is not cached", () => {
  const { verdict, evaluated } = setup();
  const long = `x-${"a".repeat(8_000)}`;
  assert.deepEqual([verdict(long), verdict(long)], [true, true]);
  assert.equal(evaluated.length, 2);
});
