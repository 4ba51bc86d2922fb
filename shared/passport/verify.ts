import * as z from "zod/mini";
import { isHeaderOfType, type KeyRing, readJsonObject, readJws, verifyJws } from "../crypto/mod.ts";
import { Problem } from "../problem.ts";
import {
  maxLifeSeconds,
  maxPassportBytes,
  PassportClaims,
  passportType,
  policyLines,
} from "./claims.ts";

/** The verified claims of a request, and what handlers ask of them. */
export type Passport = Readonly<PassportClaims> & {
  /** The person's id, without the `user:` in front; absent for services and anonymous callers. */
  readonly userId?: string;
};

/** Which step of the policy refused a Passport; for logs and metrics, never for the caller. */
export type PassportRefusal =
  | "format"
  | "header"
  | "unknown_key"
  | "algorithm"
  | "signature"
  | "claims"
  | "version"
  | "audience"
  | "clock_skew"
  | "time";

/** What a verifier trusts. */
export interface PassportVerifierOptions {
  /** Keys by `kid`; the algorithm is the entry's. */
  readonly keys: KeyRing | (() => Promise<KeyRing>);
  /** The minter; `iss` has to equal it. */
  readonly issuer: string;
  /** The trust domain. */
  readonly audience: string;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Learns why a Passport was refused. */
  readonly onRefusal?: (reason: PassportRefusal) => void;
}

/** Verifies the value of `X-Passport`; null where there is none. */
export type PassportVerifier = (token: string | null) => Promise<Passport>;

/**
 * Makes the verifier of one trust domain's Passports (policy v0.1.0, validation order 1 to 9).
 *
 * It takes a compact JWS (RFC 7515 §7.1) of at most 4096 bytes; `leewaySeconds` (default 5) applies
 * to `exp` and `iat`. The algorithm is the key's, never the header's (RFC 8725 §3.1).
 *
 * @throws {Problem} `passport_required` for null, `passport_invalid` whichever check failed
 */
export function createPassportVerifier(options: PassportVerifierOptions): PassportVerifier {
  const { onRefusal = () => {} } = options;
  return async function verifyPassport(token) {
    if (token === null) throw new Problem("passport_required");
    const result = await check(token, options);
    if (typeof result === "object") return result;
    onRefusal(result);
    throw new Problem("passport_invalid");
  };
}

async function check(
  token: string,
  { keys, issuer, audience, leewaySeconds = 5, now = Date.now }: PassportVerifierOptions,
): Promise<Passport | PassportRefusal> {
  // A comma is what two headers of one name become; base64url has none, so `readJws` refuses it.
  const jws = readJws(token, maxPassportBytes);
  if (!jws) return "format";
  if (!isHeaderOfType(jws.header, passportType)) return "header";
  const ring = typeof keys === "function" ? await keys() : keys;
  const key = ring.get(jws.header.kid);
  if (!key) return "unknown_key";
  if (jws.header.alg !== key.alg) return "algorithm";
  if (!(await verifyJws(jws, key))) return "signature";
  const { success, data: claims } = z.safeParse(PassportClaims, readJsonObject(jws.payload));
  if (!success || !isComplete(claims)) return "claims";
  if (!isOfKnownLine(claims)) return "version";
  if (claims.iss !== issuer || claims.aud !== audience) return "audience";
  const nowSeconds = now() / 1000;
  if (claims.iat > nowSeconds + leewaySeconds) return "clock_skew";
  if (nowSeconds >= claims.exp + leewaySeconds || !hasFairLife(claims)) return "time";
  return withUserId(claims);
}

/** A person of our own issuer has a login and an account version; others need not. */
function isComplete({ sub, sid, uv }: PassportClaims): boolean {
  const isOurs = sub.startsWith("user:") && !sub.slice("user:".length).includes(":");
  return !isOurs || (sid !== undefined && uv !== undefined);
}

function isOfKnownLine({ pv }: PassportClaims): boolean {
  return policyLines.includes(pv.slice(0, pv.lastIndexOf(".")));
}

function hasFairLife({ iat, exp }: PassportClaims): boolean {
  return exp > iat && exp - iat <= maxLifeSeconds;
}

function withUserId(claims: PassportClaims): Passport {
  return claims.sub.startsWith("user:")
    ? { ...claims, userId: claims.sub.slice("user:".length) }
    : claims;
}
