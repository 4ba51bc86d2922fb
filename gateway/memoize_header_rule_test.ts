import assert from "node:assert/strict";
import { memoizeHeaderRule } from "./memoize_header_rule.ts";

function setup() {
  const asked: string[] = [];
  const verdict = memoizeHeaderRule((name) => {
    asked.push(name);
    return name.startsWith("x-");
  });
  return { verdict, asked };
}

Deno.test("a rule is asked of a name once, and what it said stays that name's", () => {
  const { verdict, asked } = setup();
  for (let times = 0; times < 3; times++) {
    assert.deepEqual(["x-a", "a", "x-b"].map(verdict), [true, false, true]);
  }
  assert.deepEqual(asked, ["x-a", "a", "x-b"]);
});

Deno.test("names that clients make up are not remembered without end, nor in place of all others", () => {
  const { verdict, asked } = setup();
  for (let at = 0; at <= 1_000; at++) verdict(`x-made-up-${at}`);
  asked.length = 0;
  verdict("accept");
  verdict("accept");
  assert.deepEqual(asked, ["accept"], "there is room for what comes after a flood");
  asked.length = 0;
  for (const at of [0, 1, 1_000]) verdict(`x-made-up-${at}`);
  assert.deepEqual(asked, ["x-made-up-0", "x-made-up-1"], "the oldest made room");
});

Deno.test("a name of any length gets its verdict, a long one each time anew", () => {
  const { verdict, asked } = setup();
  const long = `x-${"a".repeat(8_000)}`;
  assert.deepEqual([verdict(long), verdict(long)], [true, true]);
  assert.equal(asked.length, 2);
});
