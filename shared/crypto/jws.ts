import { signing, verifying } from "hono/utils/jwt/jws";
import { decodeBase64Url, encodeBase64Url, type JsonObject, readJsonObject } from "./encoding.ts";

/** The parameters of one JWS algorithm (RFC 7518 §3, RFC 8037 §3.1). */
interface Algorithm {
  /** JWK key type (RFC 7518 §6.1). */
  readonly kty: "OKP" | "EC" | "RSA" | "oct";
  readonly crv?: string;
  readonly symmetric: boolean;
  /** Web Crypto's parameters for the import. */
  readonly import: { readonly name: string; readonly namedCurve?: string; readonly hash?: string };
  /** Length of a signature; undefined where it depends on the key. */
  readonly signatureBytes: number | undefined;
}

/** ECDSA: the signature is r and s, each as long as the curve's field (RFC 7518 §3.4). */
function ecdsa<Curve extends string>(crv: Curve, fieldBytes: number) {
  return {
    kty: "EC",
    crv,
    symmetric: false,
    import: { name: "ECDSA", namedCurve: crv },
    signatureBytes: 2 * fieldBytes,
  } as const;
}

/** RSA with one padding and hash; the length of the signature is the key's (RFC 7518 §3.3, §3.5). */
function rsa(name: "RSASSA-PKCS1-v1_5" | "RSA-PSS", hash: "SHA-256" | "SHA-384" | "SHA-512") {
  return {
    kty: "RSA",
    symmetric: false,
    import: { name, hash },
    signatureBytes: undefined,
  } as const;
}

/** Every algorithm of this project, by its JWS name. */
export const algorithms = {
  EdDSA: {
    kty: "OKP",
    crv: "Ed25519",
    symmetric: false,
    import: { name: "Ed25519" },
    signatureBytes: 64,
  },
  ES256: ecdsa("P-256", 32),
  ES384: ecdsa("P-384", 48),
  ES512: ecdsa("P-521", 66),
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512"),
  HS256: {
    kty: "oct",
    symmetric: true,
    import: { name: "HMAC", hash: "SHA-256" },
    signatureBytes: 32,
  },
} as const satisfies Record<string, Algorithm>;

/** A JWS `alg` this project signs or verifies with. */
export type AlgorithmName = keyof typeof algorithms;

/** An algorithm whose verifiers have no secret; the only kind that an issuer may use. */
export type AsymmetricAlgorithmName = Exclude<AlgorithmName, "HS256">;

/**
 * The algorithm that a header or a JWK names; undefined for any other value, HS256 included: with a
 * shared secret every verifier could forge tokens. `Ed25519` is the name that RFC 9864 gives to what
 * RFC 8037 calls `EdDSA`; here both are `EdDSA`.
 */
export function readAlgorithm(name: unknown): AsymmetricAlgorithmName | undefined {
  if (name === "Ed25519") return "EdDSA";
  return asymmetricAlgorithms.find((algorithm) => algorithm === name);
}

/** Every algorithm that an issuer may use, in the table's order. */
export const asymmetricAlgorithms = [
  "EdDSA",
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
] as const satisfies readonly AsymmetricAlgorithmName[];

/**
 * A verification key; the algorithm is the key's, whatever a token's header names (RFC 8725 §3.1).
 */
export interface VerificationKey {
  /** Its name in rings and headers. */
  readonly kid: string;
  /** The one algorithm it is for. */
  readonly alg: AlgorithmName;
  /** The imported key. */
  readonly key: CryptoKey;
}

/** A signing key. */
export interface SigningKey {
  /** Its name in rings and headers. */
  readonly kid: string;
  /** The one algorithm it is for. */
  readonly alg: AlgorithmName;
  /** The imported key. */
  readonly key: CryptoKey;
}

/** A decoded compact JWS; nothing in it is verified yet. */
export interface Jws {
  /** The JOSE header. */
  readonly header: JsonObject;
  /** The bytes of the second segment. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The bytes of the third segment. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The signed bytes: the first two segments as received. */
  readonly signingInput: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/**
 * Decodes a compact JWS (RFC 7515 §7.1); undefined for an invalid one.
 *
 * It must have three canonical base64url segments of at most `maxBytes` in total, and a header that
 * is a JSON object without duplicate members. The length is checked first, so that a huge token
 * costs nothing.
 */
export function readJws(token: string, maxBytes: number): Jws | undefined {
  if (token.length > maxBytes) return undefined;
  const segments = token.split(".");
  if (segments.length !== 3 || segments.includes("")) return undefined;
  const [header, payload, signature] = segments.map(decodeBase64Url);
  if (!header || !payload || !signature) return undefined;
  const parsedHeader = readJsonObject(header);
  if (!parsedHeader) return undefined;
  const signingInput = encoder.encode(token.slice(0, token.lastIndexOf(".")));
  return { header: parsedHeader, payload, signature, signingInput };
}

/**
 * Whether a header is what `signJws` writes: exactly `alg`, `typ` and `kid`, with this `typ`.
 *
 * Any other member could choose the key or change the processing (RFC 8725 §3.10). An exact `typ`
 * prevents the use of one kind of token as another (RFC 8725 §3.11).
 */
export function isHeaderOfType(
  header: JsonObject,
  expectedType: string,
): header is JsonObject & { readonly kid: string } {
  const { alg, typ, kid, ...others } = header;
  return typeof alg === "string" && typ === expectedType && typeof kid === "string" &&
    Object.keys(others).length === 0;
}

/**
 * Checks a signature with a key and the key's own algorithm (RFC 8725 §3.1).
 *
 * A signature of the wrong length is refused before Web Crypto runs: this is cheaper, and rules out
 * truncated HMACs.
 */
export async function verifyJws(jws: Jws, { alg, key }: VerificationKey): Promise<boolean> {
  const { signatureBytes } = algorithms[alg];
  if (signatureBytes !== undefined && jws.signature.length !== signatureBytes) return false;
  return await verifying(key, alg, jws.signature, jws.signingInput);
}

/** Signs claims as a compact JWS with exactly the header `alg`, `typ`, `kid`. */
export async function signJws(
  claims: object,
  { typ, key: { kid, alg, key } }: { typ: string; key: SigningKey },
): Promise<string> {
  const header = encodeJson({ alg, typ, kid });
  const signingInput = `${header}.${encodeJson(claims)}`;
  const signature = await signing(key, alg, encoder.encode(signingInput));
  return `${signingInput}.${encodeBase64Url(new Uint8Array(signature))}`;
}

function encodeJson(value: object): string {
  return encodeBase64Url(encoder.encode(JSON.stringify(value)));
}
