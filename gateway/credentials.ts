import { Problem } from "@edgepass/shared/problem";
import { type Secret, toSecret } from "@edgepass/shared/crypto";
import { type AccessToken, type CookieNames, passportSubject } from "@edgepass/shared/tokens";

/** The verified token of a request, or an anonymous caller. */
export type Caller = AccessToken | "anonymous";

/**
 * The name of a caller in limits and caches. Equal ids of two issuers, of two tenants, and of a
 * client and a user are different callers: sharing a name, one could use up or read what is the
 * other's. A client's name begins with a colon, as no alias does: with the alias `client` a user of
 * another issuer could have it too.
 */
export function nameCaller(caller: Caller): string {
  if (caller === "anonymous") return "anon";
  const subject = passportSubject(caller);
  return caller.kind === "user" ? subject.slice("user:".length) : `:${subject}`;
}

/** The credentials that a request presents; nothing is verified yet. */
export interface Credentials {
  /** The access token. */
  readonly access: PresentedCredential;
  /** The refresh cookie as received, for the identity provider alone. */
  readonly refreshCookies: readonly string[];
  /** Whether a bearer token is among them. */
  readonly bearer: boolean;
  /** Whether one of our cookies is among them. */
  readonly cookie: boolean;
}

/**
 * One access token, none, or more than one: choosing among them could authenticate the wrong
 * subject.
 */
export type PresentedCredential =
  | { readonly kind: "none" }
  | { readonly kind: "one"; readonly token: Secret }
  | { readonly kind: "ambiguous" };

const bearerScheme = /^bearer(?: +|$)/i;

/**
 * Reads the cookies of this origin's names, and the bearer token (RFC 6750 §2.1).
 *
 * Names are compared exactly: neither quoted, nor escaped, nor prefixed forms match, so that a
 * sibling subdomain cannot plant a cookie. The same name twice, or a cookie and a bearer token, is
 * ambiguous.
 */
export function readCredentials(headers: Headers, names: CookieNames): Credentials {
  const cookies = readCookies(headers.get("cookie") ?? "", names);
  const authorization = headers.get("authorization");
  const bearer = authorization !== null && bearerScheme.test(authorization)
    ? [authorization.replace(bearerScheme, "")]
    : [];
  return {
    access: present([...cookies.access, ...bearer]),
    refreshCookies: cookies.refresh,
    bearer: bearer.length > 0,
    cookie: cookies.access.length + cookies.refresh.length > 0,
  };
}

function present(tokens: readonly string[]): PresentedCredential {
  const [token] = tokens;
  if (token === undefined) return { kind: "none" };
  // Two Authorization headers arrive as one, joined by a comma.
  if (tokens.length > 1 || token.includes(",")) return { kind: "ambiguous" };
  return { kind: "one", token: toSecret(token) };
}

function readCookies(
  header: string,
  names: CookieNames,
): { access: string[]; refresh: string[] } {
  const found = { access: [] as string[], refresh: [] as string[] };
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals === -1) continue;
    const name = trimBlanks(pair.slice(0, equals));
    const value = trimBlanks(pair.slice(equals + 1));
    if (name === names.access) found.access.push(value);
    else if (name === names.refresh) found.refresh.push(value);
  }
  return found;
}

/** Space and tab only (RFC 6265 §5.2): `trim` would also remove a no-break space from a name. */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** Methods that change nothing (RFC 9110 §9.2.1). */
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** Headers a page of an allowed origin may send and read. */
const preflightHeaders =
  "accept, accept-language, authorization, content-type, idempotency-key, if-match, if-none-match, traceparent";
const exposedHeaders =
  "etag, location, ratelimit, ratelimit-policy, retry-after, x-fallback, x-trace-id";

export interface OriginPolicy {
  /**
   * Refuses cross-site request forgery: a request that a page of another origin made a browser
   * send.
   *
   * A browser sends its origin with every unsafe request, or else `Sec-Fetch-Site`. A request with
   * neither header is not from a browser. A bearer token without a cookie is safe: a browser never
   * attaches one by itself.
   *
   * @throws {Problem} `csrf_rejected`
   */
  refuseCrossSite(
    request: Request,
    credentials: { readonly bearer: boolean; readonly cookie: boolean },
  ): void;
  /** Sets the CORS headers of a response: the exact origin or none, never `*`. */
  allow(request: Request, headers: Headers): void;
  /**
   * The response to a preflight request (Fetch standard) for a path with the methods in `allow`;
   * undefined for any other request, and for an unknown path.
   */
  preflight(request: Request, allow: readonly string[] | undefined): Response | undefined;
}

/** The policy of one public origin and its further trusted origins, compared exactly. */
export function createOriginPolicy(
  { publicOrigin, allowedOrigins }: { publicOrigin: string; allowedOrigins: readonly string[] },
): OriginPolicy {
  const trusted = new Set([publicOrigin, ...allowedOrigins]);
  const crossOrigins = new Set(allowedOrigins);
  return {
    refuseCrossSite(request, { bearer, cookie }) {
      if (safeMethods.has(request.method) || (bearer && !cookie)) return;
      const origin = request.headers.get("origin");
      const site = request.headers.get("sec-fetch-site");
      const ours = origin === null
        ? site === null || site === "same-origin" || site === "none"
        : trusted.has(origin);
      if (!ours) throw new Problem("csrf_rejected");
    },
    allow(request, headers) {
      if (crossOrigins.size === 0) return;
      headers.append("vary", "Origin");
      const origin = request.headers.get("origin");
      if (origin === null || !crossOrigins.has(origin)) return;
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-allow-credentials", "true");
      headers.set("access-control-expose-headers", exposedHeaders);
    },
    preflight(request, allow) {
      const origin = request.headers.get("origin");
      if (request.method !== "OPTIONS" || origin === null || !allow) return undefined;
      if (!request.headers.has("access-control-request-method")) return undefined;
      const headers = new Headers({ allow: allow.join(", ") });
      if (crossOrigins.has(origin)) {
        headers.set("access-control-allow-methods", allow.join(", "));
        headers.set("access-control-allow-headers", preflightHeaders);
        headers.set("access-control-max-age", "600");
      }
      return new Response(null, { status: 204, headers });
    },
  };
}
