import { Problem } from "@edgepass/shared/problem";

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
