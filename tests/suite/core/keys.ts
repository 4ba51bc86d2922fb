import {
  type AlgorithmName,
  encodeBase64Url,
  importJwkSet,
  type SigningKey,
  type VerificationKey,
} from "@edgepass/shared/crypto";

/** Web Crypto's algorithm names, written out here, so that a typo in the source is found. */
const generation = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256",
  },
} as const;

const signature = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  HS256: { name: "HMAC" },
} as const satisfies Record<AlgorithmName, object>;

export interface TestPair {
  readonly signing: SigningKey;
  readonly verification: VerificationKey;
  readonly publicJwk: JsonWebKey & { readonly kid: string };
  readonly privateJwk: JsonWebKey;
}

/** A new key pair. The public half is imported from a JWK set, as an issuer's key is. */
export async function makePair(
  kid: string,
  alg: "EdDSA" | "ES256" | "RS256" = "EdDSA",
): Promise<TestPair> {
  const pair = await crypto.subtle.generateKey(generation[alg], true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Expected a key pair");
  const exported = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const { kty, crv, x, y, n, e } = exported;
  const publicJwk = JSON.parse(JSON.stringify({ kid, alg, use: "sig", kty, crv, x, y, n, e }));
  const verification = (await importJwkSet({ keys: [publicJwk] }, [alg])).get(kid);
  if (!verification) throw new TypeError("Expected the fresh key to be usable");
  return {
    signing: { kid, alg, key: pair.privateKey },
    verification,
    publicJwk,
    privateJwk: await crypto.subtle.exportKey("jwk", pair.privateKey),
  };
}

/** Signs bytes without the source under test. */
export async function signBytes(
  { alg, key }: SigningKey,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign(signature[alg], key, bytes));
}

/** A compact JWS of any two strings or values; only the signature is genuine. */
export async function forge(
  header: object | string,
  payload: object | string | Uint8Array,
  key: SigningKey,
): Promise<string> {
  const input = `${segment(header)}.${segment(payload)}`;
  return `${input}.${encodeBase64Url(await signBytes(key, new TextEncoder().encode(input)))}`;
}

function segment(value: object | string | Uint8Array): string {
  if (value instanceof Uint8Array) return encodeBase64Url(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return encodeBase64Url(new TextEncoder().encode(text));
}
