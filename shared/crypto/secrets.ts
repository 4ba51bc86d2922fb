import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";

/** Secrets under this length are refused: HS256 needs 256 bits (RFC 7518 §3.2). */
export const minSecretBytes = 32;

/** Words of placeholders; 32 random bytes spell one of them less than once in ten million times. */
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

/** Published keys, and so known to everybody. */
const published = new Set([
  // RFC 7515 §A.1, RFC 7797 §4, RFC 7517 §A.3
  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
  // RFC 7520 §3.5
  "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
  // RFC 8037 §A.1, private and public: the same bytes as RFC 8032 §7.1 test 1
  "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
]);

/** Random secrets of 32 bytes have 30 different ones or so; fewer than this never happens. */
const minDifferentBytes = 10;

/**
 * The bytes of a secret given as base64url, or why it cannot be used.
 *
 * The reason names no part of the secret.
 */
export function readSecret(text: string): Uint8Array<ArrayBuffer> | { readonly weak: string } {
  const bytes = decodeBase64Url(text);
  if (!bytes) return { weak: "must be base64url" };
  if (bytes.length < minSecretBytes) return { weak: `must have at least ${minSecretBytes} bytes` };
  if (isKnown(text, bytes)) return { weak: "is a well-known secret" };
  return hasPattern(bytes) ? { weak: "is patterned, not random" } : bytes;
}

/** A setting that is a secret, given as base64url and read as bytes. */
export const secretSetting = z.pipe(
  z.string().check(z.refine(
    (text) => readSecret(text) instanceof Uint8Array,
    {
      error: "must be at least 32 random bytes as base64url, and no well-known or patterned value",
      // What is no secret is not compared with others.
      abort: true,
    },
  )),
  z.transform(toSecretBytes),
);

/** The check in front lets only usable secrets through. */
function toSecretBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = readSecret(text);
  if (!(bytes instanceof Uint8Array)) throw new TypeError("Cannot use a secret that is weak");
  return bytes;
}

/**
 * Refuses secrets that serve more than one purpose.
 *
 * Takes every secret of a composition by the name of its variable, as base64url text or bytes. One
 * leaked secret must not open a second door, and a ring with one secret under two names never
 * rotates.
 *
 * @throws {TypeError} naming the variables and never the value
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

/** Plain base64 and base64url are spellings of the same bytes. */
function toBase64Url(text: string): string {
  return text.trim().replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function isKnown(text: string, bytes: Uint8Array): boolean {
  const spellings = [text, new TextDecoder().decode(bytes)].map((it) => it.toLowerCase());
  return published.has(text) ||
    placeholders.some((word) => spellings.some((spelling) => spelling.includes(word)));
}

/** Few different bytes, a repeated block, or an arithmetic row such as 0, 1, 2, … 31. */
function hasPattern(bytes: Uint8Array): boolean {
  if (new Set(bytes).size < minDifferentBytes) return true;
  // Without its first byte the row is one shorter, so every place of it is one of the whole row's.
  const steps = bytes.subarray(1).map((byte, at) => byte - bytes[at]!);
  return new Set(steps).size === 1 || isRepetition(bytes);
}

function isRepetition(bytes: Uint8Array): boolean {
  const periods = Array.from({ length: bytes.length >> 1 }, (_, at) => at + 1);
  return periods.some((period) =>
    bytes.every((byte, at) => at < period || byte === bytes[at - period])
  );
}
