import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url, randomToken } from "./encoding.ts";
import {
  type AlgorithmName,
  algorithms,
  type AsymmetricAlgorithmName,
  type Jws,
  type SigningKey,
  type VerificationKey,
  verifyJws,
} from "./jws.ts";

/** A key's state in its rotation: published to verifiers, signing, or verifying only. */
export const KeyState = z.enum(["published", "signing", "retired"]);
/** A key's state in its rotation. */
export type KeyState = z.infer<typeof KeyState>;

/** Keys by `kid`, of one kind each. A Map, so that no `kid` reaches a prototype. */
export type KeyRing = ReadonlyMap<string, VerificationKey>;

/** The `kid` of one of our keys. */
export const Kid = z.string().check(z.regex(/^[A-Za-z0-9._-]{1,64}$/));

/**
 * The members of a public JWK that this project reads (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
 *
 * `d` and `k` are secret: a key that is published with them is compromised, and is refused.
 */
export const PublicJwk = z.object({
  kid: z.string().check(z.minLength(1), z.maxLength(256)),
  kty: z.string(),
  alg: z.optional(z.string()),
  use: z.optional(z.literal("sig")),
  key_ops: z.optional(
    z.array(z.string()).check(z.refine((operations) => operations.includes("verify"))),
  ),
  crv: z.optional(z.string()),
  x: z.optional(z.string()),
  y: z.optional(z.string()),
  n: z.optional(z.string().check(z.refine(isStrongModulus))),
  e: z.optional(z.literal("AQAB")),
  d: z.optional(z.undefined()),
  k: z.optional(z.undefined()),
});
/** The members of a public JWK that are read. */
export type PublicJwk = z.infer<typeof PublicJwk>;

/**
 * 2048 to 4096 bits: less is weak (RFC 7518 §3.3), and more would let an issuer waste our CPU time.
 */
function isStrongModulus(n: string): boolean {
  const bytes = decodeBase64Url(n);
  // A leading zero is not allowed (RFC 7518 §2) and would make a short modulus look long.
  return bytes !== undefined && bytes.length >= 256 && bytes.length <= 512 && bytes[0] !== 0;
}

/** A set whose entries are checked one by one: an unusable key must not invalidate the others. */
export const JwkSet = z.object({ keys: z.array(z.unknown()) });
/** A JWK set with unchecked entries. */
export type JwkSet = z.infer<typeof JwkSet>;

/**
 * Imports the keys of a JWK set that may verify for an issuer.
 *
 * An entry is skipped when it is not for signatures, not public, of a type other than its
 * algorithm's, of an algorithm that is not allowed, or weak (RSA under 2048 bits or with an
 * exponent other than 65537, Ed25519 of small order). Without `alg` the type and curve decide. Of
 * two entries with one `kid` both are skipped: there is one key per `kid`.
 */
export async function importJwkSet(
  { keys }: JwkSet,
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<KeyRing> {
  const imported = await Promise.all(keys.map((entry) => importPublicJwk(entry, allowed)));
  const usableKeys = imported.filter((key) => key !== undefined);
  const byKid = Map.groupBy(usableKeys, ({ kid }) => kid);
  return new Map(
    usableKeys.filter(({ kid }) => byKid.get(kid)?.length === 1).map((k) => [k.kid, k]),
  );
}

async function importPublicJwk(
  entry: unknown,
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<VerificationKey | undefined> {
  const { success, data: jwk } = z.safeParse(PublicJwk, entry);
  const alg = success ? allowed.find((name) => fits(jwk, name)) : undefined;
  if (!success || alg === undefined || isOfSmallOrder(jwk)) return undefined;
  const { kty, crv, x, y, n, e } = jwk;
  // JSON drops the members that are undefined.
  const material: JsonWebKey = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
  try {
    const key = await crypto.subtle.importKey("jwk", material, algorithms[alg].import, false, [
      "verify",
    ]);
    const imported = { kid: jwk.kid, alg, key };
    // Deno checks that a point is on its curve only when the key is first used, and throws then.
    await verifyJws(noMessage, imported);
    return imported;
  } catch {
    return undefined;
  }
}

const noMessage: Jws = {
  header: {},
  payload: new Uint8Array(),
  signature: new Uint8Array(64),
  signingInput: new Uint8Array(),
};

/** Ed25519 points of small order, without the sign bit; some encodings are not canonical. */
const smallOrder: readonly string[] = [
  `00${"00".repeat(31)}`,
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

/**
 * Such a key accepts signatures that were made without a private key, and runtimes import it
 * (RFC 8032 §5.1.7).
 */
function isOfSmallOrder({ crv, x = "" }: PublicJwk): boolean {
  const bytes = crv === "Ed25519" ? decodeBase64Url(x) : undefined;
  return bytes !== undefined &&
    smallOrder.includes(bytes.map((byte, at) => at === 31 ? byte & 0x7f : byte).toHex());
}

function fits({ kty, crv, alg }: PublicJwk, name: AsymmetricAlgorithmName): boolean {
  const algorithm = algorithms[name];
  return kty === algorithm.kty && (alg === undefined || alg === name) &&
    (!("crv" in algorithm) || crv === algorithm.crv);
}

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

/** The algorithms that our own JWK sets may use. */
export const ourAlgorithms = ["EdDSA"] as const satisfies readonly AlgorithmName[];

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
