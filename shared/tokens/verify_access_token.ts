import * as z from "zod/mini";
import { withoutUndefined } from "../composition/settings.ts";
import {
  algorithms,
  isHeaderOfType,
  type JsonObject,
  type Jws,
  type KeyName,
  readAlgorithm,
  readJsonObject,
  readJws,
  type VerificationKey,
  verifyJws,
} from "../crypto/mod.ts";
import { AccessTokenClaims, accessTokenType, maxAccessTokenLifeSeconds } from "./access_token.ts";
import { type ExternalClaims, readExternalClaims } from "./external_claims.ts";
import {
  type AccessTokenIssuer,
  type FoundIssuer,
  type Issuers,
  type KeySearch,
  maxAccessTokenBytes,
  toMediaType,
} from "./issuer.ts";
import type { OnPassed, RefusalReason, TokenRefusal } from "./refusal.ts";

/** A verified access token. */
export interface AccessToken {
  /** The issuer's alias; our own has none. */
  readonly alias?: string;
  /** The token's issuer, as it names it. */
  readonly iss: string;
  /** The key that signed it. */
  readonly kid: string;
  /** A person, or a client that acts for itself. */
  readonly kind: "user" | "client";
  /** Its subject at the issuer, encoded as it is in Passports and in Redis. */
  readonly sub: string;
  /** Whether it has no `sub`, so that the client's id stands for it. */
  readonly isWithoutSub?: true;
  /** The subject's tenant at the issuer. */
  readonly tenant?: string;
  /** Whether the tenant is part of every name, as with the issuers of a template. */
  readonly hasTenantInNames?: true;
  /** Issued at, in seconds; only tokens of other issuers may lack it. */
  readonly iat?: number;
  /** Expires at, in seconds. */
  readonly exp: number;
  /** The token's own id. */
  readonly jti?: string;
  /** The login it was issued for. */
  readonly sid?: string;
  /** The account's version; only our own tokens have one. */
  readonly uv?: number;
  /** The subject's roles. */
  readonly roles: readonly string[];
  /** The token's scopes, separated by spaces. */
  readonly scope: string;
  /** Further claims that the issuer's row names, for the Passport. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A verified token, with the row and the key that it was verified by; or why it is refused. */
export type TokenVerdict<Row extends AccessTokenIssuer = AccessTokenIssuer> =
  | { readonly token: AccessToken; readonly issuer: Row; readonly key: VerificationKey }
  | { readonly refusal: TokenRefusal };

/**
 * Verifies an access token of one of the issuers.
 *
 * Order: size, structure, issuer, header, key, signature, then claims, so that a forged token that
 * is also expired is `token_invalid`. The issuer named in the claims only chooses among configured
 * rows, and `kid` and `alg` only among that row's keys (RFC 8725 §3.1, RFC 9068 §4). `nowSeconds`
 * is NumericDate; the leeway applies to `exp`, `nbf` and `iat` once each. `passed` receives each
 * check that holds, as `listChecks` names them; `onWait` is called before a wait for the issuer.
 */
export async function verifyAccessToken<Row extends AccessTokenIssuer>(
  token: string,
  { issuers, nowSeconds, leewaySeconds, passed = () => {}, onWait }: {
    issuers: Issuers<Row>;
    nowSeconds: number;
    leewaySeconds: number;
    passed?: OnPassed;
    onWait?: (() => void) | undefined;
  },
): Promise<TokenVerdict<Row>> {
  const parsed = parse(token, issuers, passed);
  if (typeof parsed === "string") return refuse(parsed);
  const { jws, payload, iss, found } = parsed;
  const { issuer } = found;
  const { alias = "user" } = issuer;

  const header = readHeader(jws.header, found, passed);
  if (typeof header === "string") return refuse(header, alias);
  const key = await findVerifyingKey(jws, header, { issuer, passed, onWait });
  if (typeof key === "string") return refuse(key, alias);

  const claims = issuer.alias === undefined
    ? readOwnClaims(payload, issuer, passed)
    : readExternalClaims(payload, found, passed);
  if (typeof claims === "string") return refuse(claims, alias);
  const fault = checkTimes(claims, issuer, { nowSeconds, leewaySeconds, passed });
  if (fault) return refuse(fault, alias);
  return { token: toAccessToken(claims, { issuer, iss, kid: key.kid }), issuer, key };
}

function refuse(reason: RefusalReason, alias?: string): { readonly refusal: TokenRefusal } {
  const code = reason === "expired" ? "token_expired" : "token_invalid";
  return { refusal: { code, reason, ...(alias === undefined ? {} : { alias }) } };
}

/**
 * The token's parts and its row. The row's own limit needs the decoded `iss`; the largest limit of
 * all rows comes first, so that a huge token costs nothing.
 */
function parse<Row extends AccessTokenIssuer>(
  token: string,
  issuers: Issuers<Row>,
  passed: OnPassed,
) {
  if (token.length > issuers.maxTokenBytes) return "too_large";
  const jws = readJws(token, issuers.maxTokenBytes);
  const payload = jws && readJsonObject(jws.payload);
  if (!jws || !payload) return "malformed";
  passed("structure");
  const { iss = null } = payload;
  if (iss === null) return "claim_missing:iss";
  const found = typeof iss === "string" ? issuers.find(iss) : undefined;
  if (typeof iss !== "string" || !found) return "unknown_issuer";
  passed("issuer");
  if (token.length > maxBytesOf(found.issuer)) return "too_large";
  passed("size");
  return { jws, payload, iss, found };
}

/** Our own tokens have to fit a cookie, whatever other issuers may send. */
export function maxBytesOf({ alias, maxTokenBytes }: AccessTokenIssuer): number {
  return alias === undefined ? maxAccessTokenBytes : maxTokenBytes;
}

/**
 * Members of another issuer's header that would choose the key or change the processing (RFC 8725
 * §3.10). Any other, such as `x5t`, is ignored and never read (RFC 7515 §4).
 */
const refusedMembers = ["jwk", "jku", "x5u", "crit", "b64", "zip", "enc"] as const;

/** What the header says of the key, or the reason why it is refused. */
function readHeader(
  header: JsonObject,
  { issuer }: FoundIssuer<AccessTokenIssuer>,
  passed: OnPassed,
) {
  const isOwn = issuer.alias === undefined;
  const refused = refusedMembers.find((name) => Object.hasOwn(header, name));
  if (refused) return `header_${refused}` as const;
  passed("header");
  const { kid, typ = "" } = header;
  const fits = isOwn
    ? typ === accessTokenType
    : typeof typ === "string" && issuer.typ.includes(toMediaType(typ));
  if (!fits) return "typ";
  passed("typ");
  // Our own header has these three members and no other.
  if (isOwn && !isHeaderOfType(header, accessTokenType)) {
    return typeof kid === "string" ? "malformed" : "header_kid";
  }
  if (kid !== undefined && (typeof kid !== "string" || kid === "" || kid.length > 256)) {
    return "header_kid";
  }
  const alg = readAlgorithm(header.alg);
  // Our own issuer writes one of the two names of EdDSA.
  const isAllowed = alg && issuer.algorithms.includes(alg) && (!isOwn || header.alg === alg);
  if (!isAllowed) return "alg_not_allowed";
  passed("algorithm");
  return { kid, alg };
}

/**
 * The key that verifies the signature, or the reason why none does. Without a `kid` a signature that
 * is not valid is also what a token has once its issuer has replaced its key.
 */
async function findVerifyingKey(
  jws: Jws,
  header: KeyName,
  { issuer, passed, onWait }: {
    issuer: AccessTokenIssuer;
    passed: OnPassed;
    onWait: KeySearch["onWait"];
  },
): Promise<VerificationKey | RefusalReason> {
  let fault: RefusalReason | undefined = "kid_unknown";
  let checked: VerificationKey | undefined;
  async function verifies(key: VerificationKey): Promise<boolean> {
    passed("key");
    checked = key;
    // A symmetric key would let every verifier forge tokens, so it is refused even if an issuer
    // offers one.
    if (key.alg !== header.alg || algorithms[key.alg].symmetric) fault = "alg_not_allowed";
    else fault = await verifyJws(jws, key) ? undefined : "signature";
    return fault === undefined;
  }
  const key = await issuer.findKey(header, {
    onWait,
    ...(header.kid === undefined ? { verifies } : {}),
  });
  if (key && key !== checked) await verifies(key);
  if (!key || fault) return fault ?? "kid_unknown";
  passed("signature");
  return key;
}

/** The claims of a token, ours or another issuer's, under our names. */
type Claims = ExternalClaims & { readonly uv?: number };

/** Our own tokens have every claim, and one audience (RFC 9068 §2.2). */
function readOwnClaims(
  payload: JsonObject,
  { audience }: AccessTokenIssuer,
  passed: OnPassed,
): Claims | RefusalReason {
  const { data, error } = z.safeParse(AccessTokenClaims, payload);
  if (!data) {
    const name = String(error.issues[0]?.path[0]);
    return payload[name] === undefined
      ? `claim_missing:${name}` as const
      : `claim_invalid:${name}` as const;
  }
  passed("claims");
  if (!audience?.includes(data.aud)) return "audience";
  passed("audience");
  const { sub, iat, exp, nbf, jti, sid, uv, roles, scope } = data;
  return { kind: "user", sub, iat, exp, nbf, jti, sid, uv, roles, scope };
}

function checkTimes(
  { iat, exp, nbf }: Pick<Claims, "iat" | "exp" | "nbf">,
  { alias, maxLifeSeconds }: AccessTokenIssuer,
  { nowSeconds, leewaySeconds, passed }: {
    nowSeconds: number;
    leewaySeconds: number;
    passed: OnPassed;
  },
): RefusalReason | undefined {
  const latest = nowSeconds + leewaySeconds;
  const maxLife = alias === undefined
    ? Math.min(maxLifeSeconds, maxAccessTokenLifeSeconds)
    : maxLifeSeconds;
  if (iat !== undefined && exp <= iat) return "claim_invalid:exp";
  if (exp - (iat ?? nowSeconds) > maxLife) return "life_too_long";
  passed("life");
  if ((iat ?? 0) > latest || (nbf ?? 0) > latest) return "not_yet_valid";
  passed("start");
  if (nowSeconds >= exp + leewaySeconds) return "expired";
  passed("end");
  return undefined;
}

/** Members that a token lacks are absent, not undefined. */
function toAccessToken(
  claims: Claims,
  { issuer: { alias }, iss, kid }: { issuer: AccessTokenIssuer; iss: string; kid: string },
): AccessToken {
  const { nbf: _, ...kept } = claims;
  return withoutUndefined({ alias, iss, kid, ...kept });
}
