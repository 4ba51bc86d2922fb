import * as z from "zod/mini";
import {
  algorithms,
  isHeaderOfType,
  type JsonObject,
  readJsonObject,
  readJws,
  type VerificationKey,
  verifyJws,
} from "../crypto/mod.ts";
import { AccessTokenClaims, accessTokenType, maxAccessTokenLifeSeconds } from "./access_token.ts";
import { type ClaimMap, readExternalClaims } from "./external_claims.ts";

/** One issuer the gateway accepts. */
export interface AccessTokenIssuer {
  /** Prefix of its subjects; absent for our own auth service. */
  readonly alias?: string;
  /** The issuer, compared exactly. */
  readonly iss: string;
  /** `aud` that its tokens must have. */
  readonly audience: string;
  /** Accepted `typ` values of another issuer; `""` means a header without one. */
  readonly typ: readonly string[];
  /** Where its tokens have the claims that ours have under other names. */
  readonly claims: ClaimMap;
  /** Longest life of a token in seconds. */
  readonly maxLifeSeconds: number;
  /** The key a `kid` names, with the algorithm that belongs to it. */
  findKey(kid: string): Promise<VerificationKey | undefined>;
}

/** A verified access token. */
export interface AccessToken {
  /** The issuer's alias; our own has none. */
  readonly alias?: string;
  /** The issuer, compared exactly. */
  readonly iss: string;
  /** The key that signed it. */
  readonly kid: string;
  /** Its subject at the issuer. */
  readonly sub: string;
  /** Issued at, in seconds. */
  readonly iat: number;
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
}

/** Why a token was refused: the two codes that a client may see. */
export type AccessTokenRefusal = "token_invalid" | "token_expired";

/** A longer token is refused before it is decoded. */
export const maxAccessTokenBytes = 4096;

/**
 * Verifies an access token of one of the issuers.
 *
 * Order: structure, header, key, signature, then claims, so that a forged token that is also
 * expired is `token_invalid`. The issuer named in the claims only chooses among configured ones,
 * and `kid` only among that issuer's keys; the algorithm is the key's (RFC 8725 §3.1, RFC 9068 §4).
 * `nowSeconds` is NumericDate; the leeway applies to `exp`, `nbf` and `iat` once each.
 */
export async function verifyAccessToken(
  token: string,
  { issuers, nowSeconds, leewaySeconds }: {
    issuers: ReadonlyMap<string, AccessTokenIssuer>;
    nowSeconds: number;
    leewaySeconds: number;
  },
): Promise<AccessToken | AccessTokenRefusal> {
  const jws = readJws(token, maxAccessTokenBytes);
  const payload = jws && readJsonObject(jws.payload);
  if (!jws || !payload) return "token_invalid";

  const issuer = typeof payload.iss === "string" ? issuers.get(payload.iss) : undefined;
  if (!issuer || !isHeaderOf(issuer, jws.header)) return "token_invalid";

  const key = await issuer.findKey(jws.header.kid);
  if (!key || jws.header.alg !== key.alg) return "token_invalid";
  // A symmetric key would let every verifier forge tokens, so it is refused even if an issuer
  // offers one.
  if (algorithms[key.alg].symmetric || !(await verifyJws(jws, key))) return "token_invalid";

  const claims = issuer.alias === undefined
    ? z.safeParse(AccessTokenClaims, payload).data
    : readExternalClaims(payload, issuer.claims);
  if (!claims || !isFor(issuer, claims.aud)) return "token_invalid";

  const latest = nowSeconds + leewaySeconds;
  const lifeSeconds = claims.exp - claims.iat;
  if (lifeSeconds <= 0 || lifeSeconds > maxLifeSecondsOf(issuer)) return "token_invalid";
  if (claims.iat > latest || (claims.nbf ?? 0) > latest) return "token_invalid";
  if (nowSeconds >= claims.exp + leewaySeconds) return "token_expired";

  return toAccessToken(claims, { issuer, kid: key.kid });
}

/** Another issuer's header members that could choose the key or the processing (RFC 8725 §3.10). */
const forbiddenMember = /^(jwk|jku|x5.*|crit|b64|zip|enc)$/;

function isHeaderOf(
  { alias, typ }: AccessTokenIssuer,
  header: JsonObject,
): header is JsonObject & { readonly kid: string } {
  if (alias === undefined) return isHeaderOfType(header, accessTokenType);
  const { typ: headerType = "" } = header;
  return typeof header.kid === "string" && typeof headerType === "string" &&
    typ.includes(headerType) && !Object.keys(header).some((name) => forbiddenMember.test(name));
}

/**
 * The schema of our own tokens allows no list; another issuer's may name several (RFC 7519 §4.1.3).
 */
function isFor({ audience }: AccessTokenIssuer, aud: string | readonly string[]): boolean {
  return typeof aud === "string" ? aud === audience : aud.includes(audience);
}

function maxLifeSecondsOf({ alias, maxLifeSeconds }: AccessTokenIssuer): number {
  return alias === undefined ? Math.min(maxLifeSeconds, maxAccessTokenLifeSeconds) : maxLifeSeconds;
}

interface Claims {
  sub: string;
  iat: number;
  exp: number;
  jti?: string | undefined;
  sid?: string | undefined;
  uv?: number;
  roles: string[];
  scope: string;
}

function toAccessToken(
  { sub, iat, exp, jti, sid, uv, roles, scope }: Claims,
  { issuer, kid }: { issuer: AccessTokenIssuer; kid: string },
): AccessToken {
  return {
    ...(issuer.alias === undefined ? {} : { alias: issuer.alias }),
    iss: issuer.iss,
    kid,
    sub,
    iat,
    exp,
    ...(jti === undefined ? {} : { jti }),
    ...(sid === undefined ? {} : { sid }),
    ...(uv === undefined ? {} : { uv }),
    roles,
    scope,
  };
}
