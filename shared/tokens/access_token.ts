import * as z from "zod/mini";
import { type SigningKey, signJws } from "../crypto/mod.ts";

/** A claim that names something; the length limit keeps the keys that contain it small. */
export const text = z.string().check(z.minLength(1), z.maxLength(512));

/** A NumericDate of whole seconds (RFC 7519 §2), or another count. */
export const count = z.number().check(z.refine(Number.isSafeInteger), z.gte(0));

/** The JOSE `typ` of our access tokens (RFC 9068 §2.1). */
export const accessTokenType = "at+jwt";

/** An access token lives 15 minutes at most, whatever a deployment configures. */
export const maxAccessTokenLifeSeconds = 900;

/** A cookie with its name and attributes has 4096 bytes at most (RFC 6265bis §5.6). */
const maxSignedBytes = 3584;

/** The claims of our own access tokens (RFC 9068 §2.2). */
export const AccessTokenClaims = z.object({
  iss: text,
  aud: text,
  // No `@`, so never an e-mail address; no `:`, which marks the subjects of other issuers.
  sub: z.string().check(z.regex(/^[A-Za-z0-9._-]{1,128}$/)),
  iat: count,
  exp: count,
  nbf: z.optional(count),
  jti: text,
  sid: text,
  uv: count,
  auth_time: z.optional(count),
  amr: z.optional(z.array(text)),
  roles: z._default(z.array(text).check(z.maxLength(64)), []),
  scope: z._default(z.string().check(z.maxLength(2048)), ""),
  client_id: z.optional(text),
});
/** The parsed claims of one of our access tokens. */
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>;

/**
 * Signs one of our access tokens; only the identity provider has the key.
 *
 * @throws {RangeError} when it would be too long for a cookie, or live longer than 900 seconds
 */
export async function signAccessToken(
  claims: AccessTokenClaims,
  key: SigningKey,
): Promise<string> {
  const checked = AccessTokenClaims.parse(claims);
  if (checked.exp - checked.iat > maxAccessTokenLifeSeconds) {
    throw new RangeError(
      `Cannot sign an access token that lives longer than ${maxAccessTokenLifeSeconds} seconds`,
    );
  }
  const token = await signJws(checked, { typ: accessTokenType, key });
  if (token.length > maxSignedBytes) {
    throw new RangeError(`Cannot sign an access token of more than ${maxSignedBytes} bytes`);
  }
  return token;
}

/** Names of the cookies that hold a login's two tokens. */
export interface CookieNames {
  /** The access token's cookie. */
  readonly access: string;
  /** The refresh token's cookie. */
  readonly refresh: string;
  /** Whether the cookies have the attribute `Secure`. */
  readonly secure: boolean;
}

/**
 * The one pair of names that belongs to an origin.
 *
 * On https the `__Host-` prefix prevents sibling subdomains from planting a cookie (RFC 6265bis
 * §4.1.3.2); browsers refuse the prefix on plain http, which is for local development only.
 */
export function cookieNames(publicOrigin: string): CookieNames {
  const secure = new URL(publicOrigin).protocol === "https:";
  const prefix = secure ? "__Host-" : "";
  return { access: `${prefix}access_token`, refresh: `${prefix}refresh_token`, secure };
}

/** The attributes of a token's cookie. */
export function cookieAttributes(
  maxAgeSeconds: number,
  sameSite: "Lax" | "Strict",
  { secure }: CookieNames,
): string {
  const parts = ["Path=/", `Max-Age=${Math.max(0, Math.floor(maxAgeSeconds))}`];
  return [...parts, ...(secure ? ["Secure"] : []), "HttpOnly", `SameSite=${sameSite}`].join("; ");
}

/**
 * The two Set-Cookie values that delete both cookies: without `Path=/` and `Secure` a browser would
 * reject a `__Host-` cookie as malformed and keep the old one (RFC 6265bis §4.1.3.2).
 */
export function clearTokenCookies(names: CookieNames): [access: string, refresh: string] {
  return [
    `${names.access}=; ${cookieAttributes(0, "Lax", names)}`,
    `${names.refresh}=; ${cookieAttributes(0, "Strict", names)}`,
  ];
}
