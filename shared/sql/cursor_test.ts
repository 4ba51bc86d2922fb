import assert from "node:assert/strict";
import fc from "fast-check";
import * as z from "zod/mini";
import { encodeBase64Url } from "../crypto/base64url.ts";
import { Problem } from "../problem.ts";
import { readCursor, toCursor } from "./cursor.ts";

const Position = z.tuple([z.string(), z.number()]);

Deno.test("a cursor is read back as its position", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), fc.integer(), (text, number) => {
      const cursor = toCursor([text, number]);
      assert.match(cursor, /^[\w-]+$/);
      assert.deepEqual(readCursor(Position, cursor), [text, number]);
    }),
  );
});

const refused = {
  "nothing": "",
  "text that is not base64url": "????",
  "base64url with padding": "W10=",
  "bytes that are not UTF-8": "_w",
  "text that is not JSON": "YWJj",
  "a position of another list": toCursor(["a", "b"]),
  "a valid position above the maximum length": encodeBase64Url(
    new TextEncoder().encode(JSON.stringify(["x".repeat(1024), 1])),
  ),
} as const;

for (const [what, cursor] of Object.entries(refused)) {
  Deno.test(`a list refuses ${what} as a cursor`, () => {
    assert.throws(() => readCursor(Position, cursor), (error) => {
      assert.ok(error instanceof Problem);
      assert.equal(error.code, "validation_failed");
      assert.equal(error.details[0]?.path, "cursor");
      return true;
    });
  });
}

Deno.test("any text is read as a position or refused with a problem", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (cursor) => {
      try {
        readCursor(Position, cursor);
      } catch (error) {
        assert.ok(error instanceof Problem);
      }
    }),
  );
});

Deno.test("a position that is too long is refused as a cursor", () => {
  assert.throws(() => toCursor(["x".repeat(1024)]), RangeError);
});
