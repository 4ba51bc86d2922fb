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
