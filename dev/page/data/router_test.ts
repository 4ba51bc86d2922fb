import assert from "node:assert/strict";
import fc from "fast-check";
import { readLocation, toHash } from "./router.ts";

Deno.test("an address is read as it was written", () => {
  const value = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(fc.property(value, value, (q, code) => {
    const place = { path: "/requests", query: { q, code } };
    assert.deepEqual(readLocation(toHash(place.path, place.query)), place);
  }));
});

const places = {
  "": ["/", {}],
  "#": ["/", {}],
  "#/": ["/", {}],
  "#main": ["/", {}],
  "#/requests?": ["/requests", {}],
  "#/requests?q=a?b": ["/requests", { q: "a?b" }],
  "#/requests?__proto__=x": ["/requests", { ["__proto__"]: "x" }],
} as const;
for (const [hash, [path, query]] of Object.entries(places)) {
  Deno.test(`"${hash}" leads to ${path}`, () => {
    const place = readLocation(hash);
    assert.equal(place.path, path);
    assert.deepEqual(Object.entries(place.query), Object.entries(query));
  });
}

Deno.test("empty values are left out of an address", () => {
  assert.equal(toHash("/logs", { q: "", level: "warn" }), "#/logs?level=warn");
});
