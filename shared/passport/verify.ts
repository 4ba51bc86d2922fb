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
import {
  maxLifeSeconds,
  maxPassportBytes,
  type PassportClaims,
  type Profile,
  profileNames,
  profiles,
  readPassportClaims,
} from "./claims.ts";

/** The verified claims of a request, and what handlers need of them. */
export type Passport = Readonly<PassportClaims> & {
  /** The person's id, without the prefix `user:`; absent for every other kind of subject. */
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
  /** The profiles that authorise a request. */
  readonly accept: readonly Profile[];
  /** Public keys of profile A by `kid`. */
  readonly publicKeys: KeyRing | (() => Promise<KeyRing>);
  /** Whether a key of either profile is revoked and verifies nothing. */
  isRevoked(kid: string): boolean;
}

/** What a verifier trusts. */
export interface PassportVerifierOptions {
  /** Keys of profile S by `kid`; the algorithm is the entry's. */
  readonly keys: KeyRing | (() => Promise<KeyRing>);
  /** The current values; by default profile S alone is accepted. */
  readonly live?: () => LivePassports;
  /** Reloads keys and configuration for an unknown `kid` or profile; it limits its own rate. */
  readonly reload?: () => Promise<void>;
  /** The Passport issuer; `iss` must equal it. */
  readonly issuer: string;
  /** The trust domain. */
  readonly audience: string;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Called with the reason when a Passport is refused. */
  readonly onRefusal?: (reason: PassportRefusal) => void;
}

/** Verifies the received `X-Passport` and `Txn-Token`; null for a missing header. */
export type PassportVerifier = (
  token: string | null,
  txnToken?: string | null,
) => Promise<Passport>;

/**
 * Makes the verifier of one trust domain's Passports (policies v0.1 and v0.2, validation order 1 to
 * 9).
 *
 * It accepts a compact JWS (RFC 7515 §7.1) of at most 4096 bytes; `leewaySeconds` (default 5)
 * applies to `exp` and `iat`. `X-Passport` authorises: one of profile A must be in `Txn-Token` too,
 * byte for byte, and beside one of profile S a `Txn-Token` is only compared
 * (`createShadowVerifier`). The algorithm is the key's, never the header's (RFC 8725 §3.1).
 *
 * @throws {Problem} `passport_required` for null, `passport_invalid` for every failed check
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

/** Why a Passport of a profile is refused before its verification; undefined where it is not. */
type Admit = (profile: Profile, live: LivePassports) => PassportRefusal | undefined;

const onlyS: LivePassports = { accept: ["S"], publicKeys: new Map(), isRevoked: () => false };

/**
 * The claims of a valid Passport of a profile that `admit` allows, or the reason of the refusal.
 */
export async function checkPassport(
  token: string,
  options: PassportVerifierOptions,
  admit: Admit,
): Promise<PassportClaims | PassportRefusal> {
  // Two headers of one name are joined by a comma; base64url has none, so `readJws` refuses them.
  const jws = readJws(token, maxPassportBytes);
  if (!jws) return "format";
  const named = readProfile(jws.header);
  if (!named) return "header";
  const key = await findKey(named, options, admit);
  if (typeof key === "string") return key;
  // Algorithm confusion: a key in the wrong profile's ring must not verify there.
  const { profile } = named;
  if (jws.header.alg !== key.alg || key.alg !== profiles[profile].alg) return "algorithm";
  if (!(await verifyJws(jws, key))) return "signature";
  const claims = readPassportClaims(readJsonObject(jws.payload));
  if (!claims || !isComplete(claims, profile)) return "claims";
  if (!isOfLine(claims, profiles[profile].line)) return "version";
  const { issuer, audience } = options;
  if (claims.iss !== issuer || claims.aud !== audience) return "audience";
  return findTimeFault(claims, options) ?? claims;
}

interface Named {
  readonly profile: Profile;
  readonly kid: string;
}

/** The header's `typ` chooses the ring, and nothing else of it does. */
function readProfile(header: JsonObject): Named | undefined {
  for (const profile of profileNames) {
    if (isHeaderOfType(header, profiles[profile].typ)) return { profile, kid: header.kid };
  }
  return undefined;
}

/** Repeats the lookup of an unknown key or profile after a reload: both change at run time. */
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
  const current = live();
  const refusal = admit(profile, current);
  if (refusal) return refusal;
  const source = profile === "S" ? keys : current.publicKeys;
  const ring = typeof source === "function" ? await source() : source;
  const key = current.isRevoked(kid) ? undefined : ring.get(kid);
  return key ?? "unknown_key";
}

/** A person of our own issuer must have a login and an account version; others need not. */
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
