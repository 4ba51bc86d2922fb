import assert from "node:assert/strict";
import { findOutdatedSizes, withSizes } from "./sizes_docs.ts";

const empty = "before\n\n" +
  "<!-- bundle sizes: written by deno task docs:sizes -->\n\n" +
  "<!-- end of bundle sizes -->\n\n| `d.toml` | 9 KiB |\n";
const document = withSizes(empty, new Map([["a.toml", 200.4], ["b.toml", 99.6]]));

Deno.test("bundle sizes are documented in whole KiB, in place of the previous ones", () => {
  assert.ok(document.includes("| `a.toml` | 200 KiB |\n| `b.toml` | 100 KiB |\n"), document);
  assert.equal(withSizes(document, new Map()), withSizes(empty, new Map()));
  assert.ok(document.startsWith("before\n") && document.endsWith("| `d.toml` | 9 KiB |\n"));
});

Deno.test("a documented bundle size is outdated when the built one differs by over 5 %", () => {
  const find = (a: number, b: number) =>
    findOutdatedSizes(document, new Map([["a.toml", a], ["b.toml", b]]));
  assert.deepEqual(find(190, 105), []);
  assert.deepEqual(find(210, 95), []);
  assert.deepEqual(find(189.9, 105.1), [
    "a.toml: documented 200 KiB, built 189.9 KiB",
    "b.toml: documented 100 KiB, built 105.1 KiB",
  ]);
});

Deno.test("a Worker without a documented size, and a size without a Worker, are outdated", () => {
  assert.deepEqual(findOutdatedSizes(document, new Map([["a.toml", 200], ["c.toml", 1]])), [
    "c.toml is not documented",
    "b.toml is documented, but there is no such Worker",
  ]);
  assert.equal(findOutdatedSizes("no markers", new Map([["a.toml", 200]])).length, 1);
});

Deno.test("sizes are written only into a document with both markers once", () => {
  for (const text of ["", empty + empty, empty.replace("<!-- end of bundle sizes -->", "")]) {
    assert.throws(() => withSizes(text, new Map()), RangeError);
  }
});
