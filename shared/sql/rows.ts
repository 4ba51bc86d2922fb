import * as z from "zod/mini";
import { decodeBase64Url, decodeUtf8WithoutMark, encodeBase64Url } from "../crypto/encoding.ts";
import { Problem } from "../problem.ts";

/**
 * A new resource id: UUIDv7 (RFC 9562 §5.7), so that ids sort by creation time.
 *
 * `now` is epoch milliseconds; the 74 random bits come from Web Crypto.
 */
export function uuidv7(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10)).toHex();
  const time = BigInt(now).toString(16).padStart(12, "0");
  // The variant is the two bits 10 (RFC 9562 §4.1); the other two of that digit stay random. Ten
  // bytes are twenty digits, so there is a fourth one.
  const variant = "89ab"[Number.parseInt(random[3]!, 16) & 3];
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant}${random.slice(4, 7)}`,
    random.slice(7, 19),
  ].join("-");
}

/** Longer than any list position; a longer cursor is refused before it is decoded. */
const maxCursorLength = 1024;

/**
 * The opaque cursor of a list position: the sort keys of the last returned row.
 *
 * It is neither secret nor signed. A reader must check access as for any other client input.
 *
 * @throws {RangeError} if the position is too long
 */
export function toCursor(position: unknown): string {
  const cursor = encodeBase64Url(new TextEncoder().encode(JSON.stringify(position)));
  if (cursor.length > maxCursorLength) {
    throw new RangeError(`Cannot make a cursor: position takes ${cursor.length} characters`);
  }
  return cursor;
}

/**
 * A page of a list, for `items` of one row more than its `limit` where another page follows.
 *
 * @throws {RangeError} if the position of its last row is too long
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit, toItem, toPosition }: {
    readonly limit: number;
    readonly toItem: (row: Row) => Item;
    /** The sort keys of a row, from which the next page goes on. */
    readonly toPosition: (row: Row) => unknown;
  },
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(toItem),
    nextCursor: last === undefined ? null : toCursor(toPosition(last)),
  };
}

/**
 * The list position in a cursor, parsed by `schema`.
 *
 * @throws {Problem} `validation_failed` for any invalid cursor
 */
export function readCursor<Schema extends z.core.$ZodType>(
  schema: Schema,
  cursor: string,
): z.output<Schema> {
  const result = z.safeParse(schema, decodeCursor(cursor));
  if (result.success) return result.data;
  throw new Problem("validation_failed", {
    details: [{ path: "cursor", message: "Not a cursor of this list" }],
    cause: result.error,
  });
}

/** Returns undefined for an invalid cursor; no schema of a position accepts undefined. */
function decodeCursor(cursor: string): unknown {
  const bytes = cursor.length > maxCursorLength ? undefined : decodeBase64Url(cursor);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(decodeUtf8WithoutMark(bytes));
  } catch {
    return undefined;
  }
}
