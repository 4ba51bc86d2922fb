import assert from "node:assert/strict";
import { readDocument } from "./read_document.ts";

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
