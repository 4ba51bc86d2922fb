import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "./encoding.ts";
import { algorithms, type AsymmetricAlgorithmName, readAlgorithm } from "./jws.ts";

/** Why an entry of a key set is not used: a closed list, to be shown to operators as it is. */
export type DropReason =
  | "is not an object"
  | "has a kid that is not a text of 1 to 256 characters"
  | "is a private or shared key, which must never be published"
  | "is not for signatures"
  | "has an algorithm that the issuer's row does not allow"
  | "has a type or curve that no algorithm of the issuer's row fits"
  | "has a member that is missing or not readable"
  | "is an RSA key under 2048 bits"
  | "is an RSA key over 4096 bits"
  | "is an RSA key with an exponent other than 65537"
  | "is a point of small order"
  | "is not a key that this runtime can import"
  | "has the kid and algorithm of another key";

/** A JWK that is not used. */
export interface DroppedJwk {
  readonly kid?: string;
  readonly reason: DropReason;
}

/** An entry of a set that may verify, in one canonical form. */
export interface PublicJwk {
  readonly kid: string | undefined;
  readonly fitting: readonly AsymmetricAlgorithmName[];
  readonly material: JsonWebKey;
}

/** Reads an entry of a key set; undefined members and names are of the set alone. */
export function readPublicJwk(
  entry: unknown,
  allowed: readonly AsymmetricAlgorithmName[],
): PublicJwk | DroppedJwk {
  if (typeof entry !== "object" || entry === null) return { reason: "is not an object" };
  const { data: jwk, error } = z.safeParse(Members, withoutEmpty(entry));
  if (!jwk) {
    // Its name is what an operator looks for.
    const { data: kid } = z.safeParse(Members.shape.kid, Reflect.get(entry, "kid"));
    const reason = reasons[String(error.issues[0]?.path[0])] ?? unreadable;
    return { ...(kid === undefined ? {} : { kid }), reason };
  }
  const named = jwk.kid === undefined ? {} : { kid: jwk.kid };
  const fitting = allowed.filter((name) => fits(jwk, name));
  if (fitting.length === 0) {
    const isOther = jwk.alg === undefined ||
      allowed.some((name) => name === readAlgorithm(jwk.alg));
    return {
      ...named,
      reason: isOther
        ? "has a type or curve that no algorithm of the issuer's row fits"
        : "has an algorithm that the issuer's row does not allow",
    };
  }
  const material = toMaterial(jwk);
  if (typeof material === "string") return { ...named, reason: material };
  if (isOfSmallOrder(material)) return { ...named, reason: "is a point of small order" };
  return { kid: jwk.kid, fitting, material };
}

/** What a member that does not fit the schema means. */
const reasons: Readonly<Record<string, DropReason>> = {
  kid: "has a kid that is not a text of 1 to 256 characters",
  use: "is not for signatures",
  key_ops: "is not for signatures",
  d: "is a private or shared key, which must never be published",
  k: "is a private or shared key, which must never be published",
};

const unreadable = "has a member that is missing or not readable";

function withoutEmpty(entry: object): unknown {
  const isEmpty = (value: unknown) =>
    value === null || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(entry).filter(([, value]) => !isEmpty(value)),
  );
}

/**
 * The members of a public JWK that this project reads (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). One
 * without a value is absent: serialisers write `null`, an empty text or an empty list for it.
 *
 * `d` and `k` are secret: a key that is published with them is compromised, and is refused.
 */
const Members = z.object({
  d: z.optional(z.undefined()),
  k: z.optional(z.undefined()),
  kid: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
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
});
type Members = z.infer<typeof Members>;

/**
 * The key itself, each member in its one canonical form and in the order of RFC 7638 §3.2, so that
 * it is measured and compared by its value; the reason of an unusable key.
 */
function toMaterial(
  { kty, crv, x = "", y = "", n = "", e = "" }: Members,
): JsonWebKey | DropReason {
  if (kty === "RSA") {
    const [modulus, exponent] = [readUnsigned(n), readUnsigned(e)];
    if (!modulus || !exponent) return unreadable;
    // Less is weak (RFC 7518 §3.3), and more would let an issuer waste our CPU time.
    if (modulus.length < 256) return "is an RSA key under 2048 bits";
    if (modulus.length > 512) return "is an RSA key over 4096 bits";
    if (exponent.toHex() !== "010001") return "is an RSA key with an exponent other than 65537";
    return { e: encodeBase64Url(exponent), kty, n: encodeBase64Url(modulus) };
  }
  if (crv === undefined) return unreadable;
  if (kty === "EC") {
    const [left, right] = [x, y].map((text) => toCoordinate(readUnsigned(text), crv));
    return left === undefined || right === undefined ? unreadable : { crv, kty, x: left, y: right };
  }
  // A point of RFC 8032 is a string of octets, not a number: its zeros count.
  const point = readBase64(x);
  return point?.length === 32 ? { crv, kty, x: encodeBase64Url(point) } : unreadable;
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

const coordinateBytes: Readonly<Record<string, number>> = {
  "P-256": 32,
  "P-384": 48,
  "P-521": 66,
};

/** A coordinate has the length of its curve's field (RFC 7518 §6.2.1.2). */
function toCoordinate(number: Uint8Array | undefined, crv: string): string | undefined {
  const length = coordinateBytes[crv];
  if (number === undefined || length === undefined || number.length > length) return undefined;
  const padded = new Uint8Array(length);
  padded.set(number, length - number.length);
  return encodeBase64Url(padded);
}

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
  return kty === algorithm.kty && (alg === undefined || readAlgorithm(alg) === name) &&
    (!("crv" in algorithm) || crv === algorithm.crv);
}
