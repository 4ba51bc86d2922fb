import { signing, verifying } from "hono/utils/jwt/jws";
import { type AlgorithmName, algorithms } from "./algorithms.ts";
import { decodeBase64Url, encodeBase64Url } from "./base64url.ts";
import { type JsonObject, readJsonObject } from "./json_object.ts";

/** A key that verifies; the algorithm is the key's, whatever a token's header says. */
export interface VerificationKey {
  /** Its name in rings and headers. */
  readonly kid: string;
  /** The one algorithm it is for. */
  readonly alg: AlgorithmName;
  /** The imported key. */
  readonly key: CryptoKey;
}

/** A key that signs. */
export interface SigningKey {
  /** Its name in rings and headers. */
  readonly kid: string;
  /** The one algorithm it is for. */
  readonly alg: AlgorithmName;
  /** The imported key. */
  readonly key: CryptoKey;
}

/** A compact JWS taken apart; nothing in it is to be trusted yet. */
export interface Jws {
  /** The JOSE header. */
  readonly header: JsonObject;
  /** The bytes of the second segment. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The bytes of the third segment. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** What is signed: the first two segments as they came. */
  readonly signingInput: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/**
 * Takes a compact JWS apart (RFC 7515 §7.1), or answers undefined.
 *
 * Three canonical base64url segments of at most `maxBytes` in all, and a header that is a JSON
 * object without duplicate members. The length is checked first, so that a huge text costs nothing.
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
 * Tells whether a header is what `signJws` writes: exactly `alg`, `typ` and `kid`, and this `typ`.
 *
 * Any other member could choose the key or change the processing (RFC 8725 §3.10), and an exact
 * `typ` keeps one kind of token out of the place of another (RFC 8725 §3.11).
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
 * A signature of the wrong length is refused without asking Web Crypto, which is cheaper and keeps
 * the truncation of HMACs out of the question.
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
