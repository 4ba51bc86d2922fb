import { type Bytes, toBase64, toText } from "./bytes.ts";

/** A Redis simple string such as `OK`. */
export interface Status {
  readonly status: Bytes;
}

/** A Redis error, its code first: `ERR syntax error`. */
export interface Failure {
  readonly error: string;
}

/** The reply to a command; an integer is a bigint only where a number would lose digits. */
export type Reply = null | number | bigint | Bytes | Status | Failure | readonly Reply[];

/** The reply of commands without a result. */
export const ok: Status = { status: "OK" };

/** Whether a reply is an error. */
export function isFailure(reply: Reply): reply is Failure {
  return typeof reply === "object" && reply !== null && "error" in reply;
}

/** Makes an integer reply from a 64-bit integer. */
export function toInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export type Encoding = "plain" | "base64";

/**
 * Renders a reply as the JSON value of `result`.
 *
 * With `base64` every string is encoded, also those inside arrays and also `OK`: the official client
 * decodes an unencoded `OK` inside an array to one garbage character.
 */
export function toJson(reply: Reply, encoding: Encoding): string {
  if (reply === null) return "null";
  if (typeof reply === "string") return textJson(reply, encoding);
  if (typeof reply !== "object") return String(reply);
  if (isList(reply)) return `[${reply.map((item) => toJson(item, encoding)).join(",")}]`;
  if (isFailure(reply)) return failureJson(reply);
  return textJson(reply.status, encoding);
}

/** Renders an error as a response body; errors are never encoded. */
export function failureJson({ error }: Failure): string {
  return JSON.stringify({ error });
}

/** Renders a reply as `{"result":…}` or `{"error":…}`. */
export function itemJson(reply: Reply, encoding: Encoding): string {
  return isFailure(reply) ? failureJson(reply) : `{"result":${toJson(reply, encoding)}}`;
}

function textJson(bytes: Bytes, encoding: Encoding): string {
  return encoding === "base64" ? `"${toBase64(bytes)}"` : JSON.stringify(toText(bytes));
}

/** `Array.isArray` does not narrow readonly arrays out of a union. */
export function isList(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}
