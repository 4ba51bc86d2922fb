import { cookieAttributes, type CookieNames } from "@edgepass/shared/tokens";

export { clearTokenCookies } from "@edgepass/shared/tokens";

/** A cookie's value and its Max-Age in seconds. */
export interface CookieLife {
  readonly value: string;
  readonly maxAgeSeconds: number;
}

/**
 * The values a Cookie header has under one name, byte for byte.
 *
 * Stricter than the usual parsers, which unquote, percent-decode and trim more than spaces and so
 * take several spellings for one name or value (RFC 6265 §5.4): here the name is exact.
 */
export function readCookies(header: string | undefined, name: string): string[] {
  return (header ?? "").split(";").flatMap((pair) => {
    const [, found, value = ""] = /^[ \t]*([^=]*)=([^]*?)[ \t]*$/.exec(pair) ?? [];
    return found === name ? [value] : [];
  });
}

/** The two Set-Cookie values that give a login's tokens to a browser. */
export function writeTokenCookies(
  names: CookieNames,
  { access, refresh }: { access: CookieLife; refresh: CookieLife },
): [access: string, refresh: string] {
  return [
    `${names.access}=${access.value}; ${cookieAttributes(access.maxAgeSeconds, "Lax", names)}`,
    `${names.refresh}=${refresh.value}; ${
      cookieAttributes(refresh.maxAgeSeconds, "Strict", names)
    }`,
  ];
}
