import { isInternalHeader } from "@edgepass/shared/internal-headers";
import type { CookieNames } from "@edgepass/shared/tokens";
import type { CheckedRoute } from "./routes.ts";

/** Between two hops only (RFC 9110 §7.6.1), or the gateway's to set. */
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

/** The headers a client gets of an upstream's answer; cookies of ours only from their issuer. */
export function toClientHeaders(
  upstream: Headers,
  { identityProvider }: CheckedRoute,
  names: CookieNames,
): Headers {
  const headers = new Headers();
  for (const [name, value] of upstream) {
    const ours = dropped.has(name) || name.startsWith("access-control-") || isInternalHeader(name);
    if (!ours) headers.append(name, value);
  }
  for (const cookie of upstream.getSetCookie()) {
    if (identityProvider || !isCredential(cookie, names)) headers.append("set-cookie", cookie);
  }
  return headers;
}

/** Either name in any form a browser could take for it, with and without prefix. */
function isCredential(cookie: string, { access, refresh }: CookieNames): boolean {
  const [name = ""] = cookie.split("=");
  const bare = (text: string) => text.trim().toLowerCase().replace(/^__(host|secure)-/, "");
  return [bare(access), bare(refresh)].includes(bare(name));
}

/**
 * Keeps caches from giving one person's answer to another (RFC 9111 §4.1, §5.2.2.5).
 *
 * An answer to a known caller is not stored at all unless the service said otherwise.
 */
export function setCaching(
  headers: Headers,
  { readsCredentials, known }: { readsCredentials: boolean; known: boolean },
): void {
  if (readsCredentials) headers.append("vary", "Cookie, Authorization");
  if (known && !headers.has("cache-control")) headers.set("cache-control", "no-store");
}
