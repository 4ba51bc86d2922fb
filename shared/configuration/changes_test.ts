import assert from "node:assert/strict";
import { listChanges } from "./stored.ts";

const cases: Readonly<Record<string, readonly [before: unknown, after: unknown, string[]]>> = {
  "nothing": [{ a: { b: 1 } }, { a: { b: 1 } }, []],
  "a value": [{ a: { b: 1, c: 2 } }, { a: { b: 3, c: 2 } }, ["a.b"]],
  "an added part": [{}, { a: { b: 1, c: { d: 2 } } }, ["a.b", "a.c.d"]],
  "a removed part": [{ a: { b: 1 } }, {}, ["a.b"]],
  "an added empty part": [{}, { a: {} }, ["a"]],
  "a list": [{ a: [1, 2] }, { a: [2] }, ["a"]],
  "a value in place of a part": [{ a: { b: 1 } }, { a: "strict" }, ["a"]],
  "the whole document": [{}, { a: 1, b: 2 }, ["a", "b"]],
};
for (const [what, [before, after, changed]] of Object.entries(cases)) {
  Deno.test(`a difference in ${what} is listed as ${changed.join(", ") || "no path"}`, () => {
    assert.deepEqual(listChanges(before, after), changed);
  });
}
