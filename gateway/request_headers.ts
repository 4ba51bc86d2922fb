import { internalHeaders, isInternalHeader } from "@edgepass/shared/internal-headers";
import {
  childSpan,
  readTraceparent,
  toTraceparent,
  type TraceContext,
} from "@edgepass/shared/trace-context";
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
 * Makes the headers an upstream gets: the client's without anything that names an identity, an
 * address or a hop, and then ours.
 *
 * A name with `_` is dropped altogether, since many servers read it as `-`. Names that the client
 * lists in `Connection` are dropped with the rest before ours are set, so none of ours can be named away.
 */
export function createUpstreamHeaders(
  { publicOrigin, cookieNames }: OutgoingHeaderOptions,
): (incoming: Headers, route: CheckedRoute, identity: ForwardedIdentity) => Headers {
  const { protocol, host } = new URL(publicOrigin);
  const scheme = protocol.slice(0, -1);
  return function toUpstreamHeaders(
    incoming,
    route,
    { passport, trace, clientAddress, refreshCookies },
  ) {
    const headers = new Headers();
    const named = namedInConnection(incoming);
    for (const [name, value] of incoming) {
      if (!isDropped(name) && !named.has(name)) headers.append(name, value);
    }
    headers.set(internalHeaders.passport, passport);
    headers.set(internalHeaders.deadline, String(route.timeoutMs));
    setTrace(headers, incoming, trace);
    if (clientAddress !== undefined) headers.set("x-forwarded-for", clientAddress);
    headers.set("x-forwarded-host", host);
    headers.set("x-forwarded-proto", scheme);
    if (route.envelope) headers.set("accept-encoding", "identity");
    else copy(incoming, headers, "accept-encoding");
    if (route.identityProvider && refreshCookies.length > 0) {
      const name = cookieNames.refresh;
      headers.set("cookie", refreshCookies.map((value) => `${name}=${value}`).join("; "));
    }
    return headers;
  };
}

function isDropped(name: string): boolean {
  return dropped.has(name) || name.includes("_") || droppedPrefixes.test(name) ||
    isInternalHeader(name);
}

/** Names that a message declares to be for this hop only (RFC 9110 §7.6.1). */
export function namedInConnection(incoming: Headers): ReadonlySet<string> {
  const connection = incoming.get("connection");
  if (connection === null) return nothing;
  return new Set(connection.toLowerCase().split(",").map((name) => name.trim()));
}

const nothing: ReadonlySet<string> = new Set();

/** `tracestate` belongs to the trace it came with and goes where that goes (Trace Context §3.3). */
function setTrace(headers: Headers, incoming: Headers, trace: TraceContext): void {
  headers.set(internalHeaders.traceparent, toTraceparent(childSpan(trace)));
  const state = incoming.get(internalHeaders.tracestate);
  if (state === null || state.length > 512) return;
  const parent = readTraceparent(incoming.get(internalHeaders.traceparent));
  if (parent?.traceId === trace.traceId) headers.set(internalHeaders.tracestate, state);
}

function copy(from: Headers, to: Headers, name: string): void {
  const value = from.get(name);
  if (value !== null) to.set(name, value);
}
