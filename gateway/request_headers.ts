import { internalHeaders, isInternalHeader } from "@edgepass/shared/internal-headers";
import { toTraceparent, type TraceContext } from "@edgepass/shared/trace-context";
import type { CookieNames } from "@edgepass/shared/tokens";
import { memoizeHeaderRule } from "./memoize_header_rule.ts";
import { passportHeaders, type SignedPassport } from "./passport.ts";
import type { CheckedRoute } from "./routes.ts";

/** Hop-by-hop (RFC 9110 §7.6.1), or set by the gateway itself. */
const dropped = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "host",
  "content-length",
  // Credentials end here.
  "cookie",
  "cookie2",
  "authorization",
  // The client's address and route: a client that sets these itself could forge them.
  "forwarded",
  "x-forwarded",
  "x-originating-ip",
  "x-envoy-external-address",
  "fly-client-ip",
  "via",
  "true-client-ip",
  "client-ip",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-original-host",
  "x-host",
  "fastly-client-ip",
  // The method is that of the request line: an override would bypass the method's access rule.
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "accept-encoding",
  "traceparent",
  "tracestate",
]);
const droppedPrefixes = /^(x-forwarded-|cf-|proxy-|sec-websocket-)/;

export interface ForwardedIdentity {
  readonly passport: Pick<SignedPassport, "token" | "txnToken">;
  /** Trace context of the call's span. */
  readonly trace: TraceContext;
  readonly clientAddress: string | undefined;
  readonly refreshCookies: readonly string[];
}

/** Headers in the order they are sent; a `Headers` object would cost another copy. */
export type HeaderPairs = [name: string, value: string][];

export interface UpstreamHeaderOptions {
  readonly publicOrigin: string;
  readonly cookieNames: CookieNames;
}

/** The headers of an upstream request. */
export type ToUpstreamHeaders = (
  incoming: Headers,
  route: CheckedRoute,
  identity: ForwardedIdentity,
) => HeaderPairs;

/**
 * Makes the headers of an upstream request: the client's without anything that names an identity,
 * an address or a hop, and then ours.
 *
 * A name with `_` is always dropped, since many servers read it as `-`. Names that the client lists
 * in `Connection` are dropped before ours are set: otherwise a client could remove our headers.
 */
export function createUpstreamHeaders(
  { publicOrigin, cookieNames }: UpstreamHeaderOptions,
): ToUpstreamHeaders {
  const dropsName = memoizeHeaderRule(isDropped);
  const { protocol, host } = new URL(publicOrigin);
  const scheme = protocol.slice(0, -1);
  return function toUpstreamHeaders(
    incoming,
    route,
    { passport, trace, clientAddress, refreshCookies },
  ) {
    const named = namedInConnection(incoming);
    const passed = [...incoming].filter(([name]) => !dropsName(name) && !named.has(name));
    const ours: [string, string | undefined][] = [
      ...passportHeaders(passport),
      [internalHeaders.deadline, String(route.timeoutMs)],
      [internalHeaders.traceparent, toTraceparent(trace)],
      [internalHeaders.tracestate, trace.state],
      ["x-forwarded-for", clientAddress],
      ["x-forwarded-host", host],
      ["x-forwarded-proto", scheme],
      ["accept-encoding", acceptEncoding(incoming, route)],
      ["cookie", ownCookies(route, refreshCookies, cookieNames.refresh)],
    ];
    return [...passed, ...ours.filter((pair): pair is [string, string] => pair[1] !== undefined)];
  };
}

/**
 * A response for the envelope has to be read, and a compressed one could not be.
 *
 * Deno decodes a response that an upstream compresses anyway, but not where the header is exactly
 * `identity`. The gateway removes the coding from the headers and relies on that decoding, so it
 * sends an equivalent spelling.
 */
function acceptEncoding(incoming: Headers, { envelope }: CheckedRoute): string | undefined {
  const accepted = envelope ? "identity" : incoming.get("accept-encoding") ?? undefined;
  return accepted?.trim().toLowerCase() === "identity" ? "identity;q=1, *;q=0" : accepted;
}

function ownCookies(
  { identityProvider }: CheckedRoute,
  values: readonly string[],
  name: string,
): string | undefined {
  if (!identityProvider || values.length === 0) return undefined;
  return values.map((value) => `${name}=${value}`).join("; ");
}

function isDropped(name: string): boolean {
  return dropped.has(name) || name.includes("_") || droppedPrefixes.test(name) ||
    isInternalHeader(name);
}

/** Names that a message declares as hop-by-hop (RFC 9110 §7.6.1). */
export function namedInConnection(incoming: Headers): ReadonlySet<string> {
  const connection = incoming.get("connection");
  if (connection === null) return nothing;
  return new Set(connection.toLowerCase().split(",").map((name) => name.trim()));
}

const nothing: ReadonlySet<string> = new Set();
