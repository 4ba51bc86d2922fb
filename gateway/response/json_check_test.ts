import fc from "fast-check";
import assert from "node:assert/strict";
import { createJsonCheck } from "./json_check.ts";

const encoder = new TextEncoder();

/** The check's verdict on bytes that arrive in parts of these lengths, repeated. */
function check(bytes: Uint8Array, lengths: readonly number[] = [bytes.length || 1]): boolean {
  const json = createJsonCheck();
  let took = true;
  for (let at = 0, part = 0; at < bytes.length; part++) {
    const length = lengths[part % lengths.length] ?? 1;
    took = json.take(bytes.subarray(at, at + length));
    at += length;
  }
  return took && json.isComplete();
}

/** The verdict of the runtime's own parser. */
function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

const partLengths = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 });

Deno.test("every JSON text is complete, however its parts arrive", () => {
  fc.assert(fc.property(fc.json({ stringUnit: "grapheme" }), partLengths, (text, lengths) => {
    assert.ok(check(encoder.encode(text), lengths));
  }));
});

/** Pieces for texts that are almost JSON. */
const pieces = [
  ...'{}[],:"\\ \n\t\r\b0123456789-+.eEutfnbra/é\u0000\u001f\u007f',
  ...["true", "false", "null", "NaN", "Infinity", '"a"', '"a":', "\\u00e9", "\\ud83d", "1e5", "-0"],
  ...["0.5", "01", ".5", "5.", "1e", '{"a":1}', "[1,2]", "[]", "{}", "\ufeff", "//x", "'a'"],
];

Deno.test("the check and the runtime's parser agree on every text", () => {
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((all) => all.join(""));
  fc.assert(
    fc.property(text, partLengths, (text, lengths) => {
      const bytes = encoder.encode(text);
      assert.equal(check(bytes, lengths), parses(bytes), JSON.stringify(text));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("the check and the runtime's parser agree on a JSON text with one byte changed", () => {
  const changed = fc.tuple(fc.json(), fc.nat(), fc.integer({ min: 0, max: 255 })).map(
    ([text, at, byte]) => {
      const bytes = encoder.encode(text);
      bytes[at % bytes.length] = byte;
      return bytes;
    },
  );
  fc.assert(
    fc.property(changed, partLengths, (bytes, lengths) => {
      assert.equal(check(bytes, lengths), parses(bytes), new TextDecoder().decode(bytes));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("the check and the runtime's decoder agree on every sequence of bytes in a string", () => {
  // Each lead and continuation byte at a bound of a range (Unicode 16, table 3-7).
  const bounds = [
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe1,
    0xec,
  ];
  const byte = fc.constantFrom(...bounds, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  fc.assert(
    fc.property(fc.array(byte, { minLength: 1, maxLength: 4 }), (inner) => {
      const bytes = Uint8Array.of(0x22, ...inner, 0x22);
      assert.equal(check(bytes), parses(bytes), String(inner));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("the beginning of a JSON text is accepted, and is not complete", () => {
  const text = '{"a":[1,-2.5e+3,"\\u00e9\\n",true,false,null,{"b":{}}]}';
  const json = createJsonCheck();
  for (const byte of encoder.encode(text)) {
    assert.ok(!json.isComplete());
    assert.ok(json.take(Uint8Array.of(byte)));
  }
  assert.ok(json.isComplete());
});

Deno.test("a text that is nested deeper than 65,536 levels is refused", () => {
  const nested = (depth: number) => encoder.encode("[".repeat(depth) + "]".repeat(depth));
  assert.ok(check(nested(65_536)));
  assert.ok(!check(nested(65_537)));
});
