import assert from "node:assert/strict";
import fc from "fast-check";
import { compileGlob } from "./options.ts";

const cases: readonly (readonly [pattern: string, matching: string[], others: string[]])[] = [
  ["*", ["", "a", "a\nb"], []],
  ["", [""], ["a"]],
  ["a?c", ["abc", "a?c", "a\nc"], ["ac", "abbc"]],
  ["h[ae]llo", ["hallo", "hello"], ["hillo", "hllo"]],
  ["h[^e]llo", ["hallo"], ["hello"]],
  ["[a-c]", ["a", "b", "c"], ["d", "-"]],
  ["[c-a]", ["b"], ["d"]],
  ["[\\]]", ["]"], ["\\"]],
  ["a\\*", ["a*"], ["ab", "a\\*"]],
  ["*a*b", ["ab", "xaxb", "aab"], ["ba", "abx"]],
  ["a\\", ["a\\"], ["a"]],
  ["[ab", ["a", "b"], ["c", "[ab"]],
  [".+", [".+"], ["aa"]],
];
for (const [pattern, matching, others] of cases) {
  Deno.test(`the pattern ${pattern || "(empty)"} matches as in Redis`, () => {
    const matches = compileGlob(pattern);
    assert.deepEqual(matching.filter((text) => !matches(text)), []);
    assert.deepEqual(others.filter((text) => matches(text)), []);
  });
}

Deno.test("many stars cost at most pattern length times text length", () => {
  const matches = compileGlob("*a".repeat(200) + "b");
  assert.equal(matches("a".repeat(5000)), false);
});

Deno.test("an escaped text matches itself alone", () => {
  const text = fc.string({ minLength: 1 });
  fc.assert(fc.property(text, text, (escaped, other) => {
    const matches = compileGlob(escaped.replace(/./gs, "\\$&"));
    assert.equal(matches(escaped), true);
    assert.equal(matches(other), other === escaped);
  }));
});
