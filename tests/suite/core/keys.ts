import {
  type AlgorithmName,
  type AsymmetricAlgorithmName,
  encodeBase64Url,
  importJwkSet,
  type SigningKey,
  type VerificationKey,
} from "@edgepass/shared/crypto";

const rsa = (name: string, hash: string) => ({
  name,
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash,
});

/** Web Crypto's algorithm names, written out here, so that a typo in the source is found. */
const generation = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  ES512: { name: "ECDSA", namedCurve: "P-521" },
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512"),
} as const satisfies Record<AsymmetricAlgorithmName, object>;

const signature = {
  EdDSA: { name: "Ed25519" },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  ES384: { name: "ECDSA", hash: "SHA-384" },
  ES512: { name: "ECDSA", hash: "SHA-512" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  RS384: { name: "RSASSA-PKCS1-v1_5" },
  RS512: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  PS384: { name: "RSA-PSS", saltLength: 48 },
  PS512: { name: "RSA-PSS", saltLength: 64 },
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
  alg: AsymmetricAlgorithmName = "EdDSA",
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
