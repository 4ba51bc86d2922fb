import { encodeBase64Url, randomToken } from "./bytes.ts";
import type { KeyState } from "./keys.ts";

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

/** Kinds of setting values that can be made. */
export type MadeKind = "secret" | "Passport keys" | "access-token keys";

/** Makes a new value for each kind of setting that can be made. */
export const makers: Readonly<Record<MadeKind, () => string | Promise<string>>> = {
  "secret": makeSecret,
  "Passport keys": makePassportKeys,
  "access-token keys": makeAccessTokenKeys,
};
