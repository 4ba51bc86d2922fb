import assert from "node:assert/strict";
import fc from "fast-check";
import { readHeaderList } from "./settings.ts";

const read = {
  "": {},
  " , ": {},
  "api-key=abc": { "api-key": "abc" },
  "Api-Key = abc , x-other=1": { "api-key": "abc", "x-other": "1" },
  "authorization=Basic%20dTpw": { authorization: "Basic dTpw" },
  "authorization=Basic dTpw==": { authorization: "Basic dTpw==" },
  "a=%2C%3D%25": { a: ",=%" },
  "a=1,a=2": { a: "2" },
};
for (const [text, headers] of Object.entries(read)) {
  Deno.test(`headers are read from ${JSON.stringify(text)}`, () => {
    assert.deepEqual(readHeaderList(text), headers);
  });
}

const refused = [
  "key",
  "=value",
  "key=",
  "a b=c",
  "a=%",
  "a=%ff",
  "a=x%0d%0ay",
  "a=x\ny",
  "a=%00",
  "ä=b",
  "a=%C3%A4",
  "ok=1,broken",
];
for (const text of refused) {
  Deno.test(`${JSON.stringify(text)} holds no headers`, () => {
    assert.equal(readHeaderList(text), undefined);
  });
}

Deno.test("encoded values are decoded unchanged, and fetch accepts them", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/);
  fc.assert(fc.property(fc.dictionary(name, value), (headers) => {
    const text = Object.entries(headers)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join(",");
    assert.deepEqual(readHeaderList(text), { ...headers });
    new Headers(headers);
  }));
});

Deno.test("any text is read or refused, and the result is valid headers", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    new Headers(readHeaderList(text) ?? {});
  }));
});
