import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "./encoding.ts";
import {
  algorithms,
  type AsymmetricAlgorithmName,
  type Jws,
  type VerificationKey,
  verifyJws,
} from "./jws.ts";

/** Keys by `kid`, of one kind each. A Map, so that no `kid` reaches a prototype. */
export type KeyRing = ReadonlyMap<string, VerificationKey>;

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
 * two different keys with one `kid` both are skipped: there is one key per `kid`.
 */
export async function importJwkSet(
  { keys }: JwkSet,
  allowed: readonly AsymmetricAlgorithmName[],
): Promise<KeyRing> {
  const usable = keys.map((entry) => readPublicJwk(entry, allowed))
    .filter((jwk) => jwk !== undefined);
  const distinct = new Map(usable.map((jwk) => [JSON.stringify(jwk), jwk])).values();
  const imported = await Promise.all([...distinct].map(importPublicKey));
  const byKid = Map.groupBy(imported.filter((key) => key !== undefined), ({ kid }) => kid);
  return new Map(
    [...byKid].flatMap(([kid, [key, ...others]]) => key && others.length === 0 ? [[kid, key]] : []),
  );
}

/** An entry of a set that may verify, in one canonical form. */
interface UsableJwk {
  readonly kid: string;
  readonly alg: AsymmetricAlgorithmName;
  readonly material: JsonWebKey;
}

function readPublicJwk(
  entry: unknown,
  allowed: readonly AsymmetricAlgorithmName[],
): UsableJwk | undefined {
  const { data: jwk } = z.safeParse(Members, withoutEmpty(entry));
  const alg = jwk && allowed.find((name) => fits(jwk, name));
  const material = alg && toMaterial(jwk);
  return !material || isOfSmallOrder(material) ? undefined : { kid: jwk.kid, alg, material };
}

function withoutEmpty(entry: unknown): unknown {
  if (typeof entry !== "object" || entry === null) return entry;
  const isEmpty = (value: unknown) =>
    value === null || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => !isEmpty(value)));
}

/**
 * The members of a public JWK that this project reads (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). One
 * without a value is absent: serialisers write `null`, an empty text or an empty list for it.
 *
 * `d` and `k` are secret: a key that is published with them is compromised, and is refused.
 */
const Members = z.object({
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
  n: z.optional(z.string()),
  e: z.optional(z.string()),
  d: z.optional(z.undefined()),
  k: z.optional(z.undefined()),
});
type Members = z.infer<typeof Members>;

/**
 * The key itself, each member in its one canonical form, so that it is measured and compared by its
 * value; undefined for an unusable key.
 */
function toMaterial({ kty, crv, x = "", y = "", n = "", e = "" }: Members): JsonWebKey | undefined {
  if (kty === "RSA") {
    const [modulus, exponent] = [readUnsigned(n), readUnsigned(e)];
    const isUsable = isStrong(modulus) && exponent !== undefined && exponent.toHex() === "010001";
    return isUsable
      ? { kty, n: encodeBase64Url(modulus), e: encodeBase64Url(exponent) }
      : undefined;
  }
  if (kty === "EC" && crv !== undefined) {
    const [left, right] = [x, y].map((text) => toCoordinate(readUnsigned(text), crv));
    return left === undefined || right === undefined ? undefined : { kty, crv, x: left, y: right };
  }
  // A point of RFC 8032 is a string of octets, not a number: its zeros count.
  const point = readBase64(x);
  const isPoint = kty === "OKP" && crv !== undefined && point !== undefined;
  return isPoint ? { kty, crv, x: encodeBase64Url(point) } : undefined;
}

/** Base64url, as the standard wants it, or padded or plain base64, as several issuers write it. */
function readBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return undefined;
  }
}

/** A number without the leading zeros that some issuers send (RFC 7518 §2 allows none). */
function readUnsigned(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = readBase64(text);
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  return first < 0 ? undefined : bytes?.slice(first);
}

/**
 * 2048 to 4096 bits: less is weak (RFC 7518 §3.3), and more would let an issuer waste our CPU time.
 */
function isStrong(modulus: Uint8Array | undefined): modulus is Uint8Array {
  return modulus !== undefined && modulus.length >= 256 && modulus.length <= 512;
}

const coordinateBytes: Readonly<Record<string, number>> = { "P-256": 32 };

/** A coordinate has the length of its curve's field (RFC 7518 §6.2.1.2). */
function toCoordinate(number: Uint8Array | undefined, crv: string): string | undefined {
  const length = coordinateBytes[crv];
  if (number === undefined || length === undefined || number.length > length) return undefined;
  const padded = new Uint8Array(length);
  padded.set(number, length - number.length);
  return encodeBase64Url(padded);
}

async function importPublicKey(
  { kid, alg, material }: UsableJwk,
): Promise<VerificationKey | undefined> {
  try {
    const key = await crypto.subtle.importKey("jwk", material, algorithms[alg].import, false, [
      "verify",
    ]);
    const imported = { kid, alg, key };
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
function isOfSmallOrder({ crv, x = "" }: JsonWebKey): boolean {
  const bytes = crv === "Ed25519" ? decodeBase64Url(x) : undefined;
  return bytes !== undefined &&
    smallOrder.includes(bytes.map((byte, at) => at === 31 ? byte & 0x7f : byte).toHex());
}

function fits({ kty, crv, alg }: Members, name: AsymmetricAlgorithmName): boolean {
  const algorithm = algorithms[name];
  return kty === algorithm.kty && (alg === undefined || alg === name) &&
    (!("crv" in algorithm) || crv === algorithm.crv);
}
