import { encodeBase64Url } from "@edgepass/shared/crypto";

const ecdsa = (namedCurve: string, hash: string) => ({
  generate: { name: "ECDSA", namedCurve },
  sign: { name: "ECDSA", hash },
});
const rsa = (name: string, hash: string, saltLength: number) => ({
  generate: { name, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash },
  sign: { name, saltLength },
});

/** How Web Crypto generates and uses a key of each supported issuer algorithm. */
const kinds = {
  EdDSA: { generate: { name: "Ed25519" }, sign: { name: "Ed25519" } },
  ES256: ecdsa("P-256", "SHA-256"),
  ES384: ecdsa("P-384", "SHA-384"),
  ES512: ecdsa("P-521", "SHA-512"),
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256", 0),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384", 0),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512", 0),
  PS256: rsa("RSA-PSS", "SHA-256", 32),
  PS384: rsa("RSA-PSS", "SHA-384", 48),
  PS512: rsa("RSA-PSS", "SHA-512", 64),
} as const;

/** Every algorithm of an issuer. */
export const algs = Object.keys(kinds) as readonly Alg[];

export type Alg = keyof typeof kinds;

/** A key pair of an issuer that the test plays. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: Alg;
  /** The public half as a JWK. */
  readonly jwk: JsonWebKey & { readonly kid: string };
  sign(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** Makes a new key pair. */
export async function createIssuerKey(alg: Alg, kid: string = crypto.randomUUID()) {
  const { generate, sign } = kinds[alg];
  const pair = await crypto.subtle.generateKey(generate, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Cannot use a key that is no pair");
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const material = Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined),
  );
  return {
    kid,
    alg,
    jwk: { ...material, kid, alg, use: "sig" },
    async sign(input) {
      return new Uint8Array(await crypto.subtle.sign(sign, pair.privateKey, input));
    },
  } satisfies IssuerKey;
}

const encoder = new TextEncoder();

/** The parts of a token; a string is used as it is, so that it need not be JSON. */
export interface TokenParts {
  readonly header: object | string;
  readonly payload: object | string;
  readonly key: Pick<IssuerKey, "sign">;
}

/** Signs any input, invalid input too. */
export async function signParts({ header, payload, key }: TokenParts): Promise<string> {
  const input = `${encodePart(header)}.${encodePart(payload)}`;
  return `${input}.${encodeBase64Url(await key.sign(encoder.encode(input)))}`;
}

/** One segment of a token. */
export function encodePart(part: object | string): string {
  return encodeBase64Url(encoder.encode(typeof part === "string" ? part : JSON.stringify(part)));
}
