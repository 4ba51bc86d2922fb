import fc from "fast-check";
import assert from "node:assert/strict";
import {
  decodeBase64Url,
  decodeUtf8,
  decodeUtf8WithoutMark,
  encodeBase64Url,
  parseJson,
  randomToken,
} from "./encoding.ts";

const bytes = fc.uint8Array({ maxLength: 80 });

Deno.test("decodeBase64Url reads back what encodeBase64Url writes", () => {
  fc.assert(fc.property(bytes, (value) => {
    const text = encodeBase64Url(value);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(decodeBase64Url(text), new Uint8Array(value));
  }));
});

Deno.test("decodeBase64Url refuses a second spelling of the same bytes [RFC 4648 §3.5]", () => {
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

const mark = [0xef, 0xbb, 0xbf] as const;
const encoder = new TextEncoder();

Deno.test("both decoders read what was encoded as UTF-8", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const bytes = encoder.encode(`x${text}`);
    assert.equal(decodeUtf8(bytes), `x${text}`);
    assert.equal(decodeUtf8WithoutMark(bytes), `x${text}`);
    assert.equal(decodeUtf8(bytes.buffer), `x${text}`);
  }));
});

const invalid = {
  "a lone continuation byte": [0x80],
  "an overlong form": [0xc0, 0xaf],
  "half a surrogate pair": [0xed, 0xa0, 0x80],
  "a truncated character": [0x61, 0xe2, 0x82],
  "half a byte order mark": [0xef, 0xbb],
};
for (const [what, bytes] of Object.entries(invalid)) {
  Deno.test(`both decoders refuse ${what}, and read the next bytes`, () => {
    for (const decode of [decodeUtf8, decodeUtf8WithoutMark]) {
      assert.throws(() => decode(Uint8Array.from(bytes)), TypeError);
      assert.equal(decode(encoder.encode("next")), "next", "nothing is left of the refused bytes");
    }
  });
}

Deno.test("a byte order mark stays in the text, or the first one is left out", () => {
  const bytes = Uint8Array.of(...mark, ...mark, 0x31);
  assert.equal(decodeUtf8(bytes), "\ufeff\ufeff1");
  assert.equal(decodeUtf8WithoutMark(bytes), "\ufeff1");
  assert.equal(parseJson(decodeUtf8(bytes.subarray(3))), undefined);
  assert.equal(parseJson(decodeUtf8WithoutMark(bytes.subarray(3))), 1);
});

Deno.test("parseJson returns the value, and undefined for text that is not JSON", () => {
  assert.deepEqual(parseJson(' {"a":[null,1,"x"]}\n'), { a: [null, 1, "x"] });
  assert.equal(parseJson("null"), null);
  for (const text of ["", "undefined", "{", "{'a':1}", "[1,]", "1 2", "\ufeff1"]) {
    assert.equal(parseJson(text), undefined, text);
  }
});

Deno.test("randomToken returns the requested number of bytes, and never the same twice", () => {
  for (const bytes of [16, 32]) {
    const tokens = Array.from({ length: 100 }, () => randomToken(bytes));
    assert.equal(new Set(tokens).size, 100);
    assert.ok(tokens.every((token) => token.length === Math.ceil(bytes * 8 / 6)));
  }
});
