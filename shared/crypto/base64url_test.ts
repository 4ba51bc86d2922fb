import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";

const bytes = fc.uint8Array({ maxLength: 80 });

Deno.test("decodeBase64Url reads back what encodeBase64Url writes", () => {
  fc.assert(fc.property(bytes, (value) => {
    const text = encodeBase64Url(value);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(decodeBase64Url(text), new Uint8Array(value));
  }));
});

Deno.test("decodeBase64Url gives no bytes a second spelling [RFC 4648 §3.5]", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), bytes, (noise, value) => {
    for (const text of [noise, encodeBase64Url(value) + noise, noise + encodeBase64Url(value)]) {
      const decoded = decodeBase64Url(text);
      if (decoded) assert.equal(encodeBase64Url(decoded), text);
    }
  }));
});

const refused = {
  "padding": "QQ==",
  "half of the padding": "QQ=",
  "loose bits": "QR",
  "loose bits in a longer text": "QUJDRF",
  "a single character": "A",
  "five characters": "QUJDR",
  "a blank": "QU JD",
  "a newline behind": "QUJD\n",
  "a plus": "+w",
  "a slash": "/w",
  "a dot": "QU.D",
  "a percent escape": "QUJD%3d",
  "a full-width letter": "ＱUJD",
  "a NUL": "QUJD\0",
};
for (const [what, text] of Object.entries(refused)) {
  Deno.test(`decodeBase64Url refuses ${what}`, () => {
    assert.equal(decodeBase64Url(text), undefined);
  });
}
