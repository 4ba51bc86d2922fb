import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "./encoding.ts";

/** The mark of a secret; it exists in types only. */
declare const secret: unique symbol;

/** A text that must not be logged: no logger accepts its type. */
export type Secret = string & { readonly [secret]: true };

/** Marks a text as a secret; the mark exists in the type only, the text is unchanged. */
export function toSecret(text: string): Secret {
  return text as Secret;
}

/**
 * Compares two secrets in constant time: the duration does not reveal where they differ.
 *
 * Both are hashed under a key made for this one comparison, so not even their lengths are revealed.
 */
export async function timingSafeEqual(a: string, b: string): Promise<boolean> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  const tag = await crypto.subtle.sign("HMAC", key, toBytes(a));
  return await crypto.subtle.verify("HMAC", key, tag, toBytes(b));
}

/**
 * UTF-8 alone would encode every lone surrogate as the same character; JSON escapes keep them
 * distinct.
 */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(text));
}

/** Secrets under this length are refused: HS256 needs 256 bits (RFC 7518 §3.2). */
export const minSecretBytes = 32;

/** Placeholder words; 32 random bytes contain one of them less than once in ten million times. */
const placeholders = [
  "secret",
  "password",
  "passphrase",
  "changeme",
  "change-me",
  "replace-me",
  "replaceme",
  "insecure",
  "example",
  "edgepass",
];

/** Keys that are published in RFCs, so every attacker has them. */
const published = new Set([
  // RFC 7515 §A.1, RFC 7797 §4, RFC 7517 §A.3
  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
  // RFC 7520 §3.5
  "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
  // RFC 8037 §A.1, private and public: the same bytes as RFC 8032 §7.1 test 1
  "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
]);

/** 32 random bytes have about 30 different values; fewer than this does not happen by chance. */
const minDifferentBytes = 10;

/**
 * The bytes of a base64url secret, or the reason why it is unusable.
 *
 * The reason contains no part of the secret.
 */
export function readSecret(text: string): Uint8Array<ArrayBuffer> | { readonly weak: string } {
  const bytes = decodeBase64Url(text);
  if (!bytes) return { weak: "must be base64url" };
  if (bytes.length < minSecretBytes) return { weak: `must have at least ${minSecretBytes} bytes` };
  if (isKnown(text, bytes)) return { weak: "is a well-known secret" };
  return hasPattern(bytes) ? { weak: "is patterned, not random" } : bytes;
}

/** A setting that is a secret: base64url text, read as bytes. */
export const secretSetting = z.pipe(
  z.string().check(z.refine(
    (text) => readSecret(text) instanceof Uint8Array,
    {
      error: "must be at least 32 random bytes as base64url, and no well-known or patterned value",
      // An unusable value must not reach later checks that compare secrets.
      abort: true,
    },
  )),
  z.transform(toSecretBytes),
);

/** The check before it passes usable secrets only. */
function toSecretBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = readSecret(text);
  if (!(bytes instanceof Uint8Array)) throw new TypeError("Cannot use a secret that is weak");
  return bytes;
}

/**
 * Refuses secrets that serve more than one purpose.
 *
 * Takes every secret of a composition by the name of its variable, as base64url text or bytes. One
 * leaked secret must not compromise a second purpose, and the rotation of a ring with one secret
 * under two names would change nothing.
 *
 * @throws {TypeError} naming the variables, never the value
 */
export function requireDistinctSecrets(
  secrets: Readonly<Record<string, readonly (string | Uint8Array)[]>>,
): void {
  const owners = new Map<string, string>();
  for (const [name, values] of Object.entries(secrets)) {
    for (const value of values) {
      const spelling = typeof value === "string" ? toBase64Url(value) : encodeBase64Url(value);
      const owner = owners.get(spelling);
      if (owner === name) throw new TypeError(`Cannot start: ${name} has one secret twice`);
      if (owner) throw new TypeError(`Cannot start: ${owner} and ${name} share a secret`);
      owners.set(spelling, name);
    }
  }
}

/** Base64 and base64url are two spellings of the same bytes. */
function toBase64Url(text: string): string {
  return text.trim().replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function isKnown(text: string, bytes: Uint8Array): boolean {
  const spellings = [text, new TextDecoder().decode(bytes)].map((it) => it.toLowerCase());
  return published.has(text) ||
    placeholders.some((word) => spellings.some((spelling) => spelling.includes(word)));
}

/** Few different bytes, a repeated block, or an arithmetic sequence such as 0, 1, 2, … 31. */
function hasPattern(bytes: Uint8Array): boolean {
  if (new Set(bytes).size < minDifferentBytes) return true;
  // `subarray(1)` is one shorter than `bytes`, so every index is within.
  const steps = bytes.subarray(1).map((byte, at) => byte - bytes[at]!);
  return new Set(steps).size === 1 || isRepetition(bytes);
}

function isRepetition(bytes: Uint8Array): boolean {
  const periods = Array.from({ length: bytes.length >> 1 }, (_, at) => at + 1);
  return periods.some((period) =>
    bytes.every((byte, at) => at < period || byte === bytes[at - period])
  );
}
