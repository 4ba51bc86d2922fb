import { Buffer } from "node:buffer";

/**
 * A byte string: one character (U+0000 to U+00FF) per byte.
 *
 * Redis strings are bytes; in this form they are Map keys, and compare, slice and measure as Redis
 * does it, without a copy.
 */
export type Bytes = string;

/** Encodes text as UTF-8 bytes. */
export function toBytes(text: string): Bytes {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Decodes UTF-8 bytes; invalid UTF-8 becomes U+FFFD. */
export function toText(bytes: Bytes): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** Encodes bytes as standard Base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("base64");
}

/** Copies octets into a byte string. */
export function fromOctets(octets: Uint8Array): Bytes {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}

/** Copies a byte string into octets. */
export function toOctets(bytes: Bytes): Buffer {
  return Buffer.from(bytes, "latin1");
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

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
 * With `base64` every string is encoded, also those inside arrays and also `OK`: the official
 * client decodes an unencoded `OK` inside an array to one garbage character.
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

/** A command, its name first. Every argument is a byte string. */
export type Command = readonly Bytes[];

/** What a subscription delivers; `pattern` is there for pattern subscriptions. */
export interface Message {
  readonly channel: Bytes;
  readonly payload: Bytes;
  readonly pattern?: Bytes;
}

export interface Subscription {
  readonly channel: Bytes;
  readonly kind: "channel" | "pattern";
  readonly onMessage: (message: Message) => void;
  /** Called once when the backend ends the subscription by itself. */
  readonly onEnd: () => void;
}

/** Redis as the REST endpoint needs it. A failing command is a reply; only outages reject. */
export interface RedisBackend {
  /** Runs one command; calls made in one turn run in the order of the calls. */
  execute(command: Command): Promise<Reply>;
  /** Runs all commands with nothing in between, or none: then the reply is one failure. */
  multi(commands: readonly Command[]): Promise<readonly Reply[] | Failure>;
  /** Delivers messages until the returned function is called. */
  subscribe(subscription: Subscription): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The real Redis behind the endpoint cannot be reached or went away during a command. */
export class RedisUnavailable extends Error {
  override readonly name = "RedisUnavailable";
}

/** Words a discarded transaction as Redis 7 does. */
export function discarded(reason: string): Failure {
  return { error: `EXECABORT Transaction discarded because of: ${reason}` };
}
