import {
  createBoundedMap,
  currentInvocation,
  internalHeaders,
  isInternalHeader,
} from "@edgepass/shared/context";
import { Problem, problemMediaType } from "@edgepass/shared/problem";
import type { CookieNames } from "@edgepass/shared/tokens";
import { toTraceparent, type TraceContext } from "@edgepass/shared/telemetry";
import { passportHeaders, type SignedPassport } from "../passport.ts";
import type { CheckedRoute } from "../routes.ts";

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

/** @throws {Problem} `headers_too_large` for too many headers or too many bytes of them */
export function enforceHeaderLimits(
  headers: Headers,
  { maxBytes, maxCount }: { maxBytes: number; maxCount: number },
): void {
  let bytes = 0;
  let count = 0;
  for (const [name, value] of headers) {
    bytes += name.length + value.length + 4;
    if (++count > maxCount || bytes > maxBytes) throw new Problem("headers_too_large");
  }
}

/** Whether the client accepts problem details instead of the envelope (RFC 9457). */
export function wantsProblem(request: Request): boolean {
  return (request.headers.get("accept") ?? "").toLowerCase().includes(problemMediaType);
}

/**
 * Which source of the client's address is trusted: the connection, or a header of a known proxy.
 */
export type ClientAddressSource =
  | { readonly kind: "peer" }
  | { readonly kind: "header"; readonly name: "cf-connecting-ip" }
  | { readonly kind: "forwarded"; readonly hops: number };

/**
 * The client's address, or undefined where the source has none.
 *
 * In `x-forwarded-for` only the entries that our own proxies wrote count: with `hops` proxies, the
 * address is the entry at that position from the right. A client can forge everything left of it.
 */
export function readClientAddress(
  headers: Headers,
  source: ClientAddressSource,
): string | undefined {
  if (source.kind === "peer") return currentInvocation()?.peerAddress;
  if (source.kind === "header") return readAddress(headers.get(source.name));
  const entries = (headers.get("x-forwarded-for") ?? "").split(",");
  return readAddress(entries.at(-source.hops)?.trim() ?? null);
}

function readAddress(text: string | null): string | undefined {
  return text !== null && /^[0-9A-Fa-f.:]{2,45}$/.test(text) ? text : undefined;
}

/** Names stored; clients can invent any number of names, and long ones. */
const maxRemembered = 1_000;
const maxNameLength = 64;

/**
 * Caches a rule's result for each header name: most requests have the same few names, and the rules
 * are regular expressions.
 *
 * The oldest entry is evicted: otherwise a flood of invented names would fill the cache once, and
 * every later request would run the expressions until the instance restarts.
 */
export function memoizeHeaderRule(rule: (name: string) => boolean): (name: string) => boolean {
  const verdicts = createBoundedMap<string, boolean>(maxRemembered);
  return function verdict(name) {
    const cached = verdicts.get(name);
    if (cached !== undefined) return cached;
    const fresh = rule(name);
    if (name.length > maxNameLength) return fresh;
    verdicts.set(name, fresh);
    return fresh;
  };
}
