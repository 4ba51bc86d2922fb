import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url, randomToken } from "./encoding.ts";
import { algorithms, type SigningKey, type VerificationKey } from "./jws.ts";

/** A key's state in its rotation: published to verifiers, signing, or verifying only. */
export const KeyState = z.enum(["published", "signing", "retired"]);
/** A key's state in its rotation. */
export type KeyState = z.infer<typeof KeyState>;

/** The `kid` of one of our keys. */
export const Kid = z.string().check(z.regex(/^[A-Za-z0-9._-]{1,64}$/));

/**
 * Imports an HMAC secret.
 *
 * The secret itself can sign and verify; `usages` limits the imported key to what its user needs.
 */
export async function importSecret(
  { kid, secret }: { kid: string; secret: Uint8Array<ArrayBuffer> },
  usages: readonly ("sign" | "verify")[] = ["sign", "verify"],
): Promise<SigningKey & VerificationKey> {
  const key = await crypto.subtle.importKey("raw", secret, algorithms.HS256.import, false, [
    ...usages,
  ]);
  return { kid, alg: "HS256", key };
}

/** Reads a key setting again, where the runtime reads it from a file to which keys may be added. */
export type KeySource = () => Promise<string>;

/** The runtime's reader of a key setting: a function, which no environment variable can contain. */
export const keySource = z.custom<KeySource>((value) => typeof value === "function");

/** The binding that holds the reader of a setting. */
export type KeySourceName = "PASSPORT_KEYS_RELOAD" | "ACCESS_TOKEN_KEYS_RELOAD";

/** Runs `read` once at a time: a call during a run gets that run's promise. */
export function shareRun(read: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return function run() {
    running ??= read().finally(() => running = undefined);
    return running;
  };
}

const ed25519Bytes = z.string().check(
  z.refine((text) => decodeBase64Url(text)?.length === 32, "must be 32 bytes as base64url"),
);

/** Both halves of an Ed25519 key as a JWK (RFC 8037 §2). */
export const Ed25519PrivateJwk = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: ed25519Bytes,
  d: ed25519Bytes,
});
/** Both halves of an Ed25519 key as a JWK. */
export type Ed25519PrivateJwk = z.infer<typeof Ed25519PrivateJwk>;

/** Imports the private half if its signatures verify with the public half; undefined otherwise. */
export async function importKeyPair(
  kid: string,
  { kty, crv, x, d }: Ed25519PrivateJwk,
): Promise<SigningKey | undefined> {
  const algorithm = algorithms.EdDSA.import;
  const probe = new TextEncoder().encode(kid);
  try {
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x, d }, algorithm, false, [
      "sign",
    ]);
    const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x }, algorithm, false, [
      "verify",
    ]);
    const signature = await crypto.subtle.sign(algorithm, key, probe);
    const fits = await crypto.subtle.verify(algorithm, publicKey, signature, probe);
    return fits ? { kid, alg: "EdDSA", key } : undefined;
  } catch {
    return undefined;
  }
}

const secretBytes = 32;

/** A secret of 256 random bits as base64url. */
export function makeSecret(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(secretBytes)));
}

/** One key that signs, and the next one, to which a rotation can switch at once. */
const firstStates = ["signing", "published"] as const satisfies readonly KeyState[];

/** An entry of `PASSPORT_KEYS`: an HMAC key (profile S). */
export function makePassportKey(state: KeyState) {
  return { kid: randomToken(8), secret: makeSecret(), state };
}

/** An entry of the gateway's `PASSPORT_KEYS` alone: both halves of an Ed25519 key (profile A). */
export async function makePrivatePassportKey(state: KeyState) {
  const { kid, kty, crv, x, d } = await makeAccessTokenKey(state);
  return { kid, alg: "EdDSA", jwk: { kty, crv, x, d }, state };
}

/** Entries for the gateway's `PASSPORT_KEYS`: one that can sign first, and the next one. */
export async function makePrivatePassportKeys(): Promise<string> {
  const both = [makePrivatePassportKey("published"), makePrivatePassportKey("published")];
  return JSON.stringify(await Promise.all(both));
}

/** An entry of `ACCESS_TOKEN_KEYS`: a private JWK (RFC 8037 §2). */
export async function makeAccessTokenKey(state: KeyState) {
  const { privateKey } = await generateEd25519();
  const { x, d } = await crypto.subtle.exportKey("jwk", privateKey);
  const kind = { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" };
  return { ...kind, kid: randomToken(8), x, d, state };
}

/** A value for `PASSPORT_KEYS`: HMAC keys, by default one that signs and the next one. */
export function makePassportKeys(states: readonly KeyState[] = firstStates): string {
  return JSON.stringify(states.map(makePassportKey));
}

/** A value for `ACCESS_TOKEN_KEYS`: a private JWK set, by default a key that signs and the next one. */
export async function makeAccessTokenKeys(
  states: readonly KeyState[] = firstStates,
): Promise<string> {
  return JSON.stringify({ keys: await Promise.all(states.map(makeAccessTokenKey)) });
}

async function generateEd25519(): Promise<CryptoKeyPair> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if ("privateKey" in pair) return pair;
  throw new TypeError("Cannot make a key pair: the runtime gave one key");
}

/** Easier to type than a key, and of 96 random bits still. */
function makePassword(): string {
  const digits = crypto.getRandomValues(new Uint8Array(12)).toHex();
  return digits.match(/.{6}/g)?.join("-") ?? digits;
}

/** Kinds of setting values that can be made. */
export type MadeKind = "secret" | "password" | "Passport keys" | "access-token keys";

/** Makes a new value for each kind of setting that can be made. */
export const makers: Readonly<Record<MadeKind, () => string | Promise<string>>> = {
  "secret": makeSecret,
  "password": makePassword,
  "Passport keys": makePassportKeys,
  "access-token keys": makeAccessTokenKeys,
};
