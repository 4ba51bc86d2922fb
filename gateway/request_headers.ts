import { internalHeaders, isInternalHeader } from "@edgepass/shared/internal-headers";
import { childSpan, toTraceparent, type TraceContext } from "@edgepass/shared/trace-context";
import type { CookieNames } from "@edgepass/shared/tokens";
import type { CheckedRoute } from "./routes.ts";

/** Between two hops only (RFC 9110 §7.6.1), or ours to set. */
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
  // The address of the client and the way it came: we say, not the client.
  "forwarded",
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
  // A method is what the request line says.
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "accept-encoding",
  "traceparent",
  "tracestate",
]);
const droppedPrefixes = /^(x-forwarded-|cf-|proxy-|sec-websocket-)/;

export interface ForwardedIdentity {
  readonly passport: string;
  readonly trace: TraceContext;
  readonly clientAddress: string | undefined;
  readonly refreshCookies: readonly string[];
}

export interface OutgoingHeaderOptions {
  readonly publicOrigin: string;
  readonly cookieNames: CookieNames;
}

/**
 * The headers an upstream gets: the client's without anything that names an identity, an address or
 * a hop, and then ours.
 *
 * A name with `_` is dropped altogether, since many servers read it as `-`. Names that the client
 * lists in `Connection` are dropped with the rest before ours are set, so none of ours can be named away.
 */
export function toUpstreamHeaders(
  incoming: Headers,
  route: CheckedRoute,
  { passport, trace, clientAddress, refreshCookies }: ForwardedIdentity,
  { publicOrigin, cookieNames }: OutgoingHeaderOptions,
): Headers {
  const headers = new Headers();
  const named = namedInConnection(incoming);
  for (const [name, value] of incoming) {
    if (!isDropped(name) && !named.has(name)) headers.append(name, value);
  }
  headers.set(internalHeaders.passport, passport);
  headers.set(internalHeaders.traceparent, toTraceparent(childSpan(trace)));
  const state = incoming.get(internalHeaders.tracestate);
  if (state !== null && state.length <= 512) headers.set(internalHeaders.tracestate, state);
  headers.set(internalHeaders.deadline, String(route.timeoutMs));
  setForwarded(headers, publicOrigin, clientAddress);
  if (route.envelope) headers.set("accept-encoding", "identity");
  else copy(incoming, headers, "accept-encoding");
  if (route.identityProvider && refreshCookies.length > 0) {
    const name = cookieNames.refresh;
    headers.set("cookie", refreshCookies.map((value) => `${name}=${value}`).join("; "));
  }
  return headers;
}

function isDropped(name: string): boolean {
  return dropped.has(name) || name.includes("_") || droppedPrefixes.test(name) ||
    isInternalHeader(name);
}

function namedInConnection(incoming: Headers): ReadonlySet<string> {
  const connection = incoming.get("connection");
  if (connection === null) return new Set();
  return new Set(connection.toLowerCase().split(",").map((name) => name.trim()));
}

function setForwarded(headers: Headers, publicOrigin: string, address: string | undefined): void {
  const { protocol, host } = new URL(publicOrigin);
  if (address !== undefined) headers.set("x-forwarded-for", address);
  headers.set("x-forwarded-host", host);
  headers.set("x-forwarded-proto", protocol.slice(0, -1));
}

function copy(from: Headers, to: Headers, name: string): void {
  const value = from.get(name);
  if (value !== null) to.set(name, value);
}
