import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "../crypto/base64url.ts";
import { Problem } from "../problem.ts";
import { decodeUtf8WithoutMark } from "../crypto/text.ts";

/** Longer than any list position; a longer cursor is refused before it is decoded. */
const maxLength = 1024;

/**
 * The opaque cursor of a list position: the sort keys of the last returned row.
 *
 * It is neither secret nor signed. A reader must check access as for any other client input.
 *
 * @throws {RangeError} if the position is too long
 */
export function toCursor(position: unknown): string {
  const cursor = encodeBase64Url(new TextEncoder().encode(JSON.stringify(position)));
  if (cursor.length > maxLength) {
    throw new RangeError(`Cannot make a cursor: position takes ${cursor.length} characters`);
  }
  return cursor;
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
  const result = z.safeParse(schema, decode(cursor));
  if (result.success) return result.data;
  throw new Problem("validation_failed", {
    details: [{ path: "cursor", message: "Not a cursor of this list" }],
    cause: result.error,
  });
}

/** Returns undefined for an invalid cursor; no schema of a position accepts undefined. */
function decode(cursor: string): unknown {
  const bytes = cursor.length > maxLength ? undefined : decodeBase64Url(cursor);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(decodeUtf8WithoutMark(bytes));
  } catch {
    return undefined;
  }
}
