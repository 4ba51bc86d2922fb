import assert from "node:assert/strict";
import fc from "fast-check";
import { getAt, type JsonValue, PathError, readPath, setAt, unsetAt } from "./document_path.ts";

const paths: Readonly<Record<string, readonly string[]>> = {
  "": [],
  "gateway": ["gateway"],
  "gateway.logLevel": ["gateway", "logLevel"],
  "gateway.routes.0.prefix": ["gateway", "routes", "0", "prefix"],
  "gateway.routes[0].prefix": ["gateway", "routes", "0", "prefix"],
  "gateway.revocation./courses/{id}": ["gateway", "revocation", "/courses/{id}"],
  'gateway.revocation["/files/a.b"].boundedMs': [
    "gateway",
    "revocation",
    "/files/a.b",
    "boundedMs",
  ],
  "gateway.routes.+": ["gateway", "routes", "+"],
};
for (const [text, steps] of Object.entries(paths)) {
  Deno.test(`the path ${JSON.stringify(text)} has ${steps.length} steps`, () => {
    assert.deepEqual(readPath(text), steps);
  });
}

for (const text of [".", ".a", "a.", "a..b", "a[", "a[x]", 'a["x]', "a]b"]) {
  Deno.test(`${JSON.stringify(text)} is not a valid path`, () => {
    assert.throws(() => readPath(text), PathError);
  });
}

Deno.test("setting a value changes only its path", () => {
  const before = { a: { b: 1 }, list: [{ x: 1 }, { x: 2 }] };
  assert.deepEqual(setAt(before, ["a", "c", "d"], 2), { ...before, a: { b: 1, c: { d: 2 } } });
  assert.deepEqual(setAt(before, ["list", "1", "x"], 3), {
    ...before,
    list: [{ x: 1 }, { x: 3 }],
  });
  assert.deepEqual(setAt(before, ["list", "+"], 3), { ...before, list: [{ x: 1 }, { x: 2 }, 3] });
  assert.deepEqual(setAt({}, ["gateway", "routes", "+"], 3), { gateway: { routes: [3] } });
  assert.deepEqual(unsetAt(before, ["list", "0"]), { ...before, list: [{ x: 2 }] });
  assert.deepEqual(unsetAt(before, []), {});
  for (const path of [["a", "b", "c"], ["list", "5"], ["list", "x"]]) {
    assert.throws(() => setAt(before, path, 1), PathError);
  }
  for (const path of [["a", "x"], ["list", "5"], ["a", "b", "c"], ["toString"]]) {
    assert.throws(() => unsetAt(before, path), PathError);
    assert.equal(getAt(before, path), undefined);
  }
});

Deno.test("a value set at a path is read there, and is gone once it is unset", () => {
  const name = fc.stringMatching(/^[a-z/{}]{1,6}$/);
  fc.assert(fc.property(
    fc.dictionary(name, fc.dictionary(name, fc.integer())),
    fc.array(name, { minLength: 1, maxLength: 2 }),
    fc.oneof(fc.integer(), fc.string()),
    (document: JsonValue, path, value) => {
      const after = setAt(document, path, value);
      assert.equal(getAt(after, path), value);
      assert.equal(getAt(unsetAt(after, path), path), undefined);
    },
  ));
});
