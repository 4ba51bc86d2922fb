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
import {
  AccessTokenClaims,
  accessTokenType,
  count,
  maxAccessTokenLifeSeconds,
  text,
} from "./access_token.ts";

/**
 * Where an external token has the claims that ours call `jti`, `sid`, `roles`, `scope`.
 *
 * A text is the exact name of a member, dots and slashes included; a list is a path through nested
 * objects. Claims outside of the map are read under our name.
 */
export type ClaimMap = Readonly<
  Partial<Record<"jti" | "sid" | "roles" | "scope", string | readonly string[]>>
>;

/** Longest life of another issuer's token in seconds, unless the issuer's settings have another. */
export const externalTokenLifeSeconds = 86_400;

/**
 * Whether a text may be an issuer's alias. `user` is none: it is the prefix of our own people in a
 * Passport's subject.
 */
export function isIssuerAlias(alias: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(alias) && alias !== "user";
}

const subject = /^[\x21-\x7e]{1,256}$/;

/** Whether a text may be the subject of another issuer's token. */
export function isExternalSubject(sub: string): boolean {
  return subject.test(sub);
}

/** A scope-token (RFC 6749 §3.3): one with a space in it would become two scopes. */
const scopeToken = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/));

/** A single role may be a text. It is never split: `Super admin` is not `admin`. */
const roles = z.pipe(
  z.transform((value: unknown) => typeof value === "string" ? [value] : value),
  z.array(text).check(z.maxLength(64)),
);

/** The scope is one text (RFC 8693 §4.2) or a list. */
const scope = z.pipe(
  z.transform((value: unknown) =>
    typeof value === "string" ? value.split(" ").filter((token) => token !== "") : value
  ),
  z.pipe(z.array(scopeToken), z.transform((tokens: string[]) => tokens.join(" "))),
);

const ExternalClaims = z.object({
  aud: z.union([text, z.array(text)]),
  sub: z.string().check(z.regex(subject)),
  iat: count,
  exp: count,
  nbf: z.optional(count),
  jti: z.optional(text),
  sid: z.optional(text),
  roles: z._default(roles, []),
  scope: z._default(scope, ""),
});
export type ExternalClaims = z.infer<typeof ExternalClaims>;

/** The claims of another issuer's token under our names; undefined when they are invalid. */
export function readExternalClaims(
  payload: JsonObject,
  claimMap: ClaimMap,
): ExternalClaims | undefined {
  const mapped = Object.fromEntries(
    Object.entries(claimMap).map(([name, path]) => [name, lookUp(payload, path)]),
  );
  return z.safeParse(ExternalClaims, { ...payload, ...mapped }).data;
}

/** Follows own members only, so that no name reaches a prototype. */
function lookUp(payload: JsonObject, path: string | readonly string[]): unknown {
  const names = typeof path === "string" ? [path] : path;
  return names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    payload,
  );
}

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
