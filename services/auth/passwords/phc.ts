import type { Argon2Cost } from "./argon2.ts";

/** A stored password: its cost, salt and hash. */
export interface StoredPassword {
  readonly cost: Argon2Cost;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

const form =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** The PHC string of a password (github.com/P-H-C/phc-string-format), Argon2 version 19. */
export function writePhc({ cost: { m, t, p }, salt, hash }: StoredPassword): string {
  return `$argon2id$v=19$m=${m},t=${t},p=${p}$${encode(salt)}$${encode(hash)}`;
}

/**
 * Reads a PHC string of Argon2id.
 *
 * @throws {TypeError} for any other text; the message contains no part of it
 */
export function readPhc(text: string): StoredPassword {
  const [, m, t, p, salt, hash] = form.exec(text) ?? [];
  if (salt === undefined || hash === undefined) {
    throw new TypeError("Cannot read a stored password: not a PHC string of Argon2id");
  }
  const cost = { m: Number(m), t: Number(t), p: Number(p) };
  return { cost, salt: Uint8Array.fromBase64(salt), hash: Uint8Array.fromBase64(hash) };
}

/** PHC strings have base64 without padding. */
function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ omitPadding: true });
}
