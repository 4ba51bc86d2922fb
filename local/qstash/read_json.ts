import { decodeUtf8WithoutMark } from "@edgepass/shared/crypto";
import * as z from "zod/mini";
import { ApiError } from "./api_error.ts";

/**
 * Reads a body as JSON of the schema's shape.
 *
 * @throws {ApiError} 400 naming where it is invalid
 */
export function readJson<T>(body: Uint8Array, schema: z.ZodMiniType<T>): T {
  const result = z.safeParse(schema, parse(body));
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join(".") || "body";
  throw new ApiError(400, `invalid request: ${where} is not as expected`);
}

/** Parses a body as JSON of any shape. */
export function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8WithoutMark(body));
  } catch {
    throw new ApiError(400, "invalid request: the body is not JSON");
  }
}
