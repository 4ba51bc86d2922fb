import * as z from "zod/mini";
import {
  isHeaderOfType,
  type JsonObject,
  type KeyRing,
  readJsonObject,
  readJws,
  type VerificationKey,
  verifyJws,
} from "../crypto/mod.ts";
import { Problem } from "../problem.ts";
import { maxLifeSeconds, maxPassportBytes, PassportClaims } from "./claims.ts";
import { type Profile, profileNames, profiles } from "./profiles.ts";

/** The verified claims of a request, and what handlers ask of them. */
export type Passport = Readonly<PassportClaims> & {
  /** The person's id, without the `user:` in front; absent for services and anonymous callers. */
  readonly userId?: string;
};

/** Which step of the policy refused a Passport; for logs and metrics, never for the caller. */
export type PassportRefusal =
  | "format"
  | "header"
  | "profile"
  | "txn_token"
  | "unknown_key"
  | "algorithm"
  | "signature"
  | "claims"
  | "version"
  | "audience"
  | "clock_skew"
  | "time";

/** What may change while a verifier runs. */
export interface LivePassports {
  /** The profiles that decide about a request. */
  readonly accept: readonly Profile[];
  /** Public keys of profile A by `kid`. */
  readonly publicKeys: KeyRing | (() => Promise<KeyRing>);
  /** Tells whether a key of either profile verifies nothing any more. */
  isRevoked(kid: string): boolean;
}

/** What a verifier trusts. */
export interface PassportVerifierOptions {
  /** Keys of profile S by `kid`; the algorithm is the entry's. */
  readonly keys: KeyRing | (() => Promise<KeyRing>);
  /** What is in force at this moment; by default profile S alone is taken. */
  readonly live?: () => LivePassports;
  /** ObservesVersion what is in force, for a `kid` or a profile that is not known; limits itself. */
  readonly reload?: () => Promise<void>;
  /** The minter; `iss` has to equal it. */
  readonly issuer: string;
  /** The trust domain. */
  readonly audience: string;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** ObservesVersion why a Passport was refused. */
  readonly onRefusal?: (reason: PassportRefusal) => void;
}

/** Verifies what came as `X-Passport` and as `Txn-Token`; null where there is none. */
export type PassportVerifier = (
  token: string | null,
  txnToken?: string | null,
) => Promise<Passport>;

/**
 * Makes the verifier of one trust domain's Passports (policies v0.1.0 and v0.2.0, validation order
 * 1 to 9).
 *
 * It takes a compact JWS (RFC 7515 §7.1) of at most 4096 bytes; `leewaySeconds` (default 5) applies
 * to `exp` and `iat`. `X-Passport` decides: of profile A it has to be in `Txn-Token` too, byte for
 * byte, and beside one of profile S a `Txn-Token` is only compared (`createShadowVerifier`). The
 * algorithm is the key's, never the header's (RFC 8725 §3.1).
 *
 * @throws {Problem} `passport_required` for null, `passport_invalid` whichever check failed
 */
export function createPassportVerifier(options: PassportVerifierOptions): PassportVerifier {
  const { onRefusal = () => {} } = options;
  return async function verifyPassport(token, txnToken = null) {
    if (token === null) throw new Problem("passport_required");
    const result = await checkPassport(token, options, (profile, { accept }) => {
      if (!accept.includes(profile)) return "profile";
      return profile === "A" && txnToken !== token ? "txn_token" : undefined;
    });
    if (typeof result === "object") return withUserId(result);
    onRefusal(result);
    throw new Problem("passport_invalid");
  };
}

/** Whether a Passport of a profile may be looked at at all. */
type Admit = (profile: Profile, live: LivePassports) => PassportRefusal | undefined;

const onlyS: LivePassports = { accept: ["S"], publicKeys: new Map(), isRevoked: () => false };

/** The claims of a Passport that holds, of any profile that `admit` lets through; else why not. */
export async function checkPassport(
  token: string,
  options: PassportVerifierOptions,
  admit: Admit,
): Promise<PassportClaims | PassportRefusal> {
  // A comma is what two headers of one name become; base64url has none, so `readJws` refuses it.
  const jws = readJws(token, maxPassportBytes);
  if (!jws) return "format";
  const named = readProfile(jws.header);
  if (!named) return "header";
  const key = await findKey(named, options, admit);
  if (typeof key === "string") return key;
  // A ring holds keys of one algorithm; a key that got into the other one must not count there.
  const { profile } = named;
  if (jws.header.alg !== key.alg || key.alg !== profiles[profile].alg) return "algorithm";
  if (!(await verifyJws(jws, key))) return "signature";
  const { success, data: claims } = z.safeParse(PassportClaims, readJsonObject(jws.payload));
  if (!success || !isComplete(claims, profile)) return "claims";
  if (!isOfLine(claims, profiles[profile].line)) return "version";
  const { issuer, audience } = options;
  if (claims.iss !== issuer || claims.aud !== audience) return "audience";
  return findTimeFault(claims, options) ?? claims;
}

interface Named {
  readonly profile: Profile;
  readonly kid: string;
}

/** The header chooses between rings; nothing else of it does. */
function readProfile(header: JsonObject): Named | undefined {
  for (const profile of profileNames) {
    if (isHeaderOfType(header, profiles[profile].typ)) return { profile, kid: header.kid };
  }
  return undefined;
}

/** Looks once more after a reload for what is not known: keys and profiles change at run time. */
async function findKey(
  named: Named,
  options: PassportVerifierOptions,
  admit: Admit,
): Promise<VerificationKey | PassportRefusal> {
  const found = await lookUp(named, options, admit);
  if (found !== "profile" && found !== "unknown_key" || !options.reload) return found;
  await options.reload();
  return await lookUp(named, options, admit);
}

async function lookUp(
  { profile, kid }: Named,
  { keys, live = () => onlyS }: PassportVerifierOptions,
  admit: Admit,
): Promise<VerificationKey | PassportRefusal> {
  const inForce = live();
  const refusal = admit(profile, inForce);
  if (refusal) return refusal;
  const source = profile === "S" ? keys : inForce.publicKeys;
  const ring = typeof source === "function" ? await source() : source;
  const key = inForce.isRevoked(kid) ? undefined : ring.get(kid);
  return key ?? "unknown_key";
}

/** A person of our own issuer has a login and an account version; others need not. */
function isComplete({ sub, sid, uv, req_wl }: PassportClaims, profile: Profile): boolean {
  if (profile === "A" && req_wl === undefined) return false;
  const isOurs = sub.startsWith("user:") && !sub.slice("user:".length).includes(":");
  return !isOurs || (sid !== undefined && uv !== undefined);
}

function isOfLine({ pv }: PassportClaims, line: string): boolean {
  return pv.slice(0, pv.lastIndexOf(".")) === line;
}

function findTimeFault(
  { iat, exp }: PassportClaims,
  { leewaySeconds = 5, now = Date.now }: PassportVerifierOptions,
): PassportRefusal | undefined {
  const nowSeconds = now() / 1000;
  if (iat > nowSeconds + leewaySeconds) return "clock_skew";
  const hasFairLife = exp > iat && exp - iat <= maxLifeSeconds;
  return nowSeconds >= exp + leewaySeconds || !hasFairLife ? "time" : undefined;
}

function withUserId(claims: PassportClaims): Passport {
  return claims.sub.startsWith("user:")
    ? { ...claims, userId: claims.sub.slice("user:".length) }
    : claims;
}
