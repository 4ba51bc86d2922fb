import assert from "node:assert/strict";
import { listChanges } from "./changes.ts";

const cases: Readonly<Record<string, readonly [before: unknown, after: unknown, string[]]>> = {
  "nothing": [{ a: { b: 1 } }, { a: { b: 1 } }, []],
  "a value": [{ a: { b: 1, c: 2 } }, { a: { b: 3, c: 2 } }, ["a.b"]],
  "a part that is new": [{}, { a: { b: 1, c: { d: 2 } } }, ["a.b", "a.c.d"]],
  "a part that is gone": [{ a: { b: 1 } }, {}, ["a.b"]],
  "an empty part that is new": [{}, { a: {} }, ["a"]],
  "a list": [{ a: [1, 2] }, { a: [2] }, ["a"]],
  "a value in place of a part": [{ a: { b: 1 } }, { a: "strict" }, ["a"]],
  "the whole": [{}, { a: 1, b: 2 }, ["a", "b"]],
};
for (const [what, [before, after, changed]] of Object.entries(cases)) {
  Deno.test(`of documents that differ in ${what} it lists ${changed.join(", ") || "none"}`, () => {
    assert.deepEqual(listChanges(before, after), changed);
  });
}
