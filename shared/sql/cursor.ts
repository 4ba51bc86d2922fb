import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "../crypto/base64url.ts";
import { Problem } from "../problem.ts";

/** Longer than any position in a list, short enough to be refused before it is decoded. */
const maxLength = 1024;

/**
 * The opaque cursor of a position in a list: the sort keys of the last row that was given.
 *
 * It is not secret and not signed, so whoever reads it checks access as if it came from a body.
 *
 * @throws {RangeError} when the position is too long for one
 */
export function toCursor(position: unknown): string {
  const cursor = encodeBase64Url(new TextEncoder().encode(JSON.stringify(position)));
  if (cursor.length > maxLength) {
    throw new RangeError(`Cannot make a cursor: position takes ${cursor.length} characters`);
  }
  return cursor;
}

/**
 * The position a cursor stands for, typed by `schema`.
 *
 * @throws {Problem} `validation_failed`, whatever is wrong with it
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

/** Undefined for what is no cursor, which no schema of a position takes. */
function decode(cursor: string): unknown {
  const bytes = cursor.length > maxLength ? undefined : decodeBase64Url(cursor);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
