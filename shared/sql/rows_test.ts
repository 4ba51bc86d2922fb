import fc from "fast-check";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { encodeBase64Url } from "../crypto/encoding.ts";
import { Problem } from "../problem.ts";
import { readCursor, toCursor, toPage, uuidv7 } from "./rows.ts";

Deno.test("uuidv7 has its time, version and variant where RFC 9562 §5.7 puts them", () => {
  const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(fc.property(times, (now) => {
    const id = uuidv7(now);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(id.slice(0, 13).replace("-", ""), 16), now);
  }));
});

Deno.test("uuidv7 sorts by time and differs within a moment", () => {
  const now = 1_800_000_000_000;
  assert.ok(uuidv7(now) < uuidv7(now + 1));
  assert.equal(new Set(Array.from({ length: 1000 }, () => uuidv7(now))).size, 1000);
  assert.throws(() => uuidv7(0.5), RangeError);
});

Deno.test("every variant of uuidv7 occurs, so no random bit is lost", () => {
  const digits = new Set(Array.from({ length: 500 }, () => uuidv7()[19]));
  assert.deepEqual([...digits].sort(), ["8", "9", "a", "b"]);
});

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

Deno.test("a page has a cursor behind its last row where another page follows, and null on the last", () => {
  const page = (rows: readonly string[]) =>
    toPage(rows, {
      limit: 2,
      toItem: (name) => ({ name }),
      toPosition: (name) => [name, 1],
    });
  assert.deepEqual(page([]), { items: [], nextCursor: null });
  assert.equal(page(["a", "b"]).nextCursor, null);
  const { items, nextCursor } = page(["a", "b", "c"]);
  assert.deepEqual(items, [{ name: "a" }, { name: "b" }]);
  assert.deepEqual(readCursor(Position, nextCursor ?? ""), ["b", 1]);
});
