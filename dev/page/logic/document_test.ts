import assert from "node:assert/strict";
import fc from "fast-check";
import type { Attributes, ConfigurationVersion } from "../api_types.ts";
import { listDifferences, listSections, listValues, readDocument } from "./document.ts";
import { readPath } from "../../cli/document_path.ts";

function inForce(document: Attributes): ConfigurationVersion {
  const change = { changedAt: 1, changedBy: "somebody", comment: null, changed: [] };
  return { version: 3, ...change, document };
}

const base = [
  { path: "gateway.logLevel", name: "LOG_LEVEL", value: "info" },
  { path: "gateway.passportTtlSeconds", name: "PASSPORT_TTL_SECONDS", value: "" },
  { path: "services.auth.logLevel", name: "LOG_LEVEL", value: "info" },
];

Deno.test("the document overrides the environment, and that a default", () => {
  const document = { gateway: { logLevel: "debug", routes: [] } };
  const [gateway] = listSections({ inForce: inForce(document), base });
  assert.deepEqual(gateway?.settings, [
    { path: "gateway.logLevel", value: "debug", from: "central" },
    {
      path: "gateway.passportTtlSeconds",
      name: "PASSPORT_TTL_SECONDS",
      value: undefined,
      from: "default",
    },
    { path: "gateway.routes", value: [], from: "central" },
  ]);
});

Deno.test("sections are in the order of the docs, unknown ones last", () => {
  const document = { later: 1, passport: { send: "S" }, keys: { access: { a: "signing" } } };
  const sections = listSections({ inForce: inForce(document), base });
  assert.deepEqual(sections.map(({ name }) => name), [
    "gateway",
    "services",
    "keys",
    "passport",
    "later",
  ]);
});

type Row = readonly [path: string, before: unknown, after: unknown];
const cases: Readonly<Record<string, readonly [Attributes, Attributes, readonly Row[]]>> = {
  "the same": [{ a: { b: 1 } }, { a: { b: 1 } }, []],
  "the same in another order": [{ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, []],
  "another value": [{ a: { b: 1, c: 2 } }, { a: { b: 3, c: 2 } }, [["a.b", 1, 3]]],
  "a value that is new": [{}, { a: { b: false } }, [["a.b", undefined, false]]],
  "a value that is gone": [{ a: { b: null } }, {}, [["a.b", null, undefined]]],
  "null for nothing": [{}, { a: null }, [["a", undefined, null]]],
  "a list, as a whole": [{ a: [1, { b: 2 }] }, { a: [{ b: 2 }] }, [
    ["a", [1, { b: 2 }], [{ b: 2 }]],
  ]],
  "an object in place of a value": [{ a: 1 }, { a: { b: 1 } }, [["a", 1, { b: 1 }]]],
  "an object that is empty": [{}, { a: {} }, [["a", undefined, {}]]],
  "a name with dots": [{}, { a: { "/files/a.b": 1, "": 2 } }, [
    ['a["/files/a.b"]', undefined, 1],
    ['a[""]', undefined, 2],
  ]],
  "a name every object has": [{}, { a: { constructor: 1 } }, [["a.constructor", undefined, 1]]],
};
for (const [what, [before, after, rows]] of Object.entries(cases)) {
  Deno.test(`documents that differ by ${what} have ${rows.length} differences`, () => {
    const found = listDifferences(before, after);
    assert.deepEqual(found.map((one) => [one.path, one.before, one.after]), rows);
  });
}

Deno.test("the values of a document are its differences from an empty one", () => {
  const document = { gateway: { logLevel: "debug", routes: [{ prefix: "/echo" }] }, keys: {} };
  assert.deepEqual(listValues(document), [
    { path: "gateway.logLevel", value: "debug" },
    { path: "gateway.routes", value: [{ prefix: "/echo" }] },
    { path: "keys", value: {} },
  ]);
  assert.deepEqual(listValues({}), []);
});

const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string(), fc.constant(null));
const { document } = fc.letrec<{ document: Attributes; value: Attributes[string] }>((tie) => ({
  document: fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
  value: fc.oneof({ maxDepth: 3 }, scalar, fc.array(scalar, { maxLength: 3 }), tie("document")),
}));

Deno.test("no document differs from itself, and others differ in either direction alike", () => {
  fc.assert(fc.property(document, document, (one, other) => {
    assert.deepEqual(listDifferences(one, one), []);
    const there = listDifferences(one, other);
    const back = listDifferences(other, one);
    assert.deepEqual(
      there.map(({ path }) => path).toSorted(),
      back.map(({ path }) => path).toSorted(),
    );
    assert.equal(new Set(there.map(({ path }) => path)).size, there.length);
  }));
});

Deno.test("every path is one that the command accepts", () => {
  fc.assert(fc.property(document, (one) => {
    for (const { path } of listValues(one)) assert.ok(readPath(path).length > 0, path);
  }));
});

Deno.test("a text that is a JSON object is a document", () => {
  assert.deepEqual(readDocument(' {"gateway": {"routes": []}} '), {
    document: { gateway: { routes: [] } },
  });
});

for (const text of ["", "{", "[]", "null", "7", '"{}"', "{'a':1}"]) {
  Deno.test(`${JSON.stringify(text)} is refused as a document, with the reason`, () => {
    const reading = readDocument(text);
    assert.ok("fault" in reading && reading.fault.length > 10);
  });
}
