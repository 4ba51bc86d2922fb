import { isInternalHeader } from "@edgepass/shared/context";
import type { CookieNames } from "@edgepass/shared/tokens";
import { memoizeHeaderRule, namedInConnection } from "../request/headers.ts";
import type { CheckedRoute } from "../routes.ts";

/** Hop-by-hop (RFC 9110 §7.6.1), or set by the gateway itself. */
const dropped = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "alt-svc",
  "clear-site-data",
  "server",
  "strict-transport-security",
  "x-powered-by",
  "set-cookie",
]);

/** The headers of the client's response. */
export type ToClientHeaders = (upstream: Headers, route: CheckedRoute) => Headers;

/**
 * Makes the headers of the client's response from the upstream's. Only the identity provider may
 * set our token cookies.
 */
export function createClientHeaders(names: CookieNames): ToClientHeaders {
  const dropsName = memoizeHeaderRule(isDropped);
  return function toClientHeaders(upstream, { identityProvider }) {
    const named = namedInConnection(upstream);
    const headers = new Headers(
      [...upstream].filter(([name]) => !dropsName(name) && !named.has(name)),
    );
    for (const cookie of upstream.getSetCookie()) {
      if (identityProvider || !isCredential(cookie, names)) headers.append("set-cookie", cookie);
    }
    return headers;
  };
}

function isDropped(name: string): boolean {
  return dropped.has(name) || name.startsWith("access-control-") || isInternalHeader(name);
}

/**
 * Whether a cookie has one of our names in any form that a browser could accept, with or without
 * prefix. A browser sends a nameless cookie as its bare value, which may be `access_token=…`
 * (RFC 6265bis §8.8.2): a service could plant a token that way.
 */
function isCredential(cookie: string, { access, refresh }: CookieNames): boolean {
  const [name = ""] = cookie.replace(/^[\s=]+/, "").split(/[=;]/);
  const bare = (text: string) => text.trim().toLowerCase().replace(/^__(host|secure)-/, "");
  return [bare(access), bare(refresh)].includes(bare(name));
}

/**
 * Prevents caches from serving one person's response to another (RFC 9111 §4.1, §5.2.2.5).
 *
 * A response to an authenticated caller, and an error, is not stored unless the service allows it.
 */
export function setCaching(
  headers: Headers,
  { readsCredentials, isPrivate }: { readsCredentials: boolean; isPrivate: boolean },
): void {
  if (readsCredentials) headers.append("vary", "Cookie, Authorization");
  if (isPrivate && !headers.has("cache-control")) headers.set("cache-control", "no-store");
}

/** Sets the headers that every response has; `secure`: whether the public origin is https. */
export function setCommonHeaders(
  headers: Headers,
  { traceId, secure }: { readonly traceId: string; readonly secure: boolean },
): void {
  headers.set("x-trace-id", traceId);
  headers.set("x-content-type-options", "nosniff");
  if (secure) headers.set("strict-transport-security", "max-age=31536000");
}
