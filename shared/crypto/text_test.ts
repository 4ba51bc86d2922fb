import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeUtf8, decodeUtf8WithoutMark, parseJson } from "./text.ts";

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
