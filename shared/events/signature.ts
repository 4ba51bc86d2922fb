import * as z from "zod/mini";
import { digest, readJsonObject } from "../crypto/encoding.ts";
import { type Jws, readJws, type VerificationKey, verifyJws } from "../crypto/jws.ts";
import { importSecret } from "../crypto/keys.ts";

/** A longer token is refused before any cryptographic work. */
const maxTokenBytes = 4096;
/** QStash's tokens are valid for five minutes; a token with a longer life is not from QStash. */
const maxLifeSeconds = 300;

const time = z.number().check(z.refine(Number.isFinite));

const Claims = z.object({
  iss: z.literal("Upstash"),
  sub: z.string(),
  exp: time,
  nbf: time,
  iat: time,
  jti: z.string().check(z.minLength(1)),
  body: z.string().check(z.minLength(1)),
});

/** A delivery as it was received. */
export interface SignedMessage {
  /** The header `Upstash-Signature`. */
  readonly signature: string | undefined;
  /** The bytes of the body. */
  readonly body: ArrayBuffer;
  /** The public URL that `sub` must name: from the configuration, never from the request. */
  readonly url: string;
}

/** Returns why a message is not from QStash, for the log only; undefined if it is from QStash. */
export type SignatureCheck = (message: SignedMessage) => Promise<string | undefined>;

/** Options of {@link createSignatureCheck}. */
export interface SignatureOptions {
  /** The current and the next signing key, as QStash shows them. */
  readonly keys: readonly string[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Tolerated clock difference. */
  readonly leewaySeconds?: number;
}

/**
 * Creates the check of `Upstash-Signature`.
 *
 * The official Receiver accepts HS384 and HS512, tokens without `exp` or `jti`, and by default any
 * `sub`. Here all of these are required. Replays are not detected here but by the inbox. `body` may
 * have base64 padding, as QStash writes it.
 */
export function createSignatureCheck(
  { keys, now, leewaySeconds = 5 }: SignatureOptions,
): SignatureCheck {
  let imported: Promise<readonly VerificationKey[]> | undefined;
  return async function checkSignature({ signature, body, url }) {
    if (keys.length === 0) return "no keys";
    if (signature === undefined) return "no signature";
    const jws = readJws(signature, maxTokenBytes);
    if (!jws) return "not a JWS";
    if (!isOurHeader(jws)) return "header";
    imported ??= importKeys(keys);
    if (!await isSigned(jws, await imported)) return "signature";
    const claims = z.safeParse(Claims, readJsonObject(jws.payload));
    if (!claims.success) return "claims";
    const { sub, exp, nbf, iat } = claims.data;
    if (sub !== url) return "sub";
    if (exp <= iat || exp - iat > maxLifeSeconds) return "life";
    const seconds = now() / 1000;
    if (exp + leewaySeconds <= seconds) return "expired";
    if (nbf - leewaySeconds > seconds || iat - leewaySeconds > seconds) return "not yet";
    return await isDigest(claims.data.body, body) ? undefined : "body";
  };
}

/** A token with `crit` is refused: no critical extension is supported (RFC 7515 §4.1.11). */
function isOurHeader({ header }: Jws): boolean {
  const { alg, typ = "JWT", crit } = header;
  return alg === "HS256" && typ === "JWT" && crit === undefined;
}

async function isSigned(jws: Jws, keys: readonly VerificationKey[]): Promise<boolean> {
  for (const key of keys) {
    if (await verifyJws(jws, key)) return true;
  }
  return false;
}

/** The key is the UTF-8 text itself; it is not base64-decoded. */
async function importKeys(keys: readonly string[]): Promise<readonly VerificationKey[]> {
  const encoder = new TextEncoder();
  return await Promise.all(
    keys.map((key, at) =>
      importSecret({ kid: String(at), secret: encoder.encode(key) }, ["verify"])
    ),
  );
}

async function isDigest(claim: string, body: ArrayBuffer): Promise<boolean> {
  return claim.replace(/={1,2}$/, "") === await digest(body);
}
