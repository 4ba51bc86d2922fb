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
