import type { LogLine, RequestSummary, Span } from "./api.ts";

/** A span as it arrives: with its trace. */
export interface TracedSpan extends Span {
  readonly traceId: string;
}

/** What is stored of one request to the gateway. */
export interface RequestFacts extends RequestSummary {
  /** From its span; else from its log line, which is all there is of an unsampled request. */
  readonly isSpan: boolean;
}

/** Probes come every few seconds and would bury the requests. */
const probes: ReadonlySet<unknown> = new Set(["/livez", "/readyz", "/metrics"]);

/** The message of the gateway's log line at the end of a request; it is found by this very text. */
const endMessage = "Request completed";

/**
 * How far apart its span and its line may put the beginning of one request: the line's is its own
 * time less the duration, and the clock of spans may be 20 ms off the wall clock.
 */
const toleranceMs = 50;

/** The facts in a span, if it is the gateway's span of a request. */
export function readSpanFacts(span: TracedSpan): RequestFacts | undefined {
  if (span.service !== "gateway" || span.kind !== "server" || isProbe(span)) return undefined;
  const { attributes } = span;
  return {
    time: span.start,
    isSpan: true,
    // The span's name is the method until the gateway has found the route.
    method: text(attributes["http.request.method"]) ?? span.name.split(" ")[0] ?? "",
    path: text(attributes["url.path"]),
    route: text(attributes["http.route"]),
    status: number(attributes["http.response.status_code"]),
    code: text(attributes["error.type"]),
    durationMs: span.durationMs,
    sub: text(attributes["user.id"]),
    issuer: text(attributes["edgepass.issuer"]),
  };
}

/** The facts in a log line, if it is the gateway's line of a request. */
export function readLineFacts({ service, message, time, fields }: LogLine):
  | RequestFacts
  | undefined {
  const method = text(fields.method);
  if (service !== "gateway" || message !== endMessage || method === null) return undefined;
  if (probes.has(fields.path)) return undefined;
  const durationMs = number(fields.durationMs);
  return {
    time: time - (durationMs ?? 0),
    isSpan: false,
    method,
    path: text(fields.path),
    route: text(fields.route),
    status: number(fields.status),
    code: text(fields.code),
    durationMs,
    sub: text(fields.sub),
    issuer: text(fields.issuer),
  };
}

/**
 * Joins the facts of two sources about a trace's request.
 *
 * A client may send several requests in one trace; the row is then the last one's. The deliveries
 * of the events that a request caused pass the gateway in its trace too, and must never replace it.
 */
export function joinFacts(stored: RequestFacts | undefined, found: RequestFacts): RequestFacts {
  if (stored && isDelivery(stored) !== isDelivery(found)) return isDelivery(found) ? stored : found;
  if (!stored || found.time > stored.time + toleranceMs) return found;
  if (found.time < stored.time - toleranceMs) return stored;
  const [first, second] = found.isSpan || !stored.isSpan ? [found, stored] : [stored, found];
  return {
    ...first,
    path: first.path ?? second.path,
    route: first.route ?? second.route,
    status: first.status ?? second.status,
    code: first.code ?? second.code,
    durationMs: first.durationMs ?? second.durationMs,
    sub: first.sub ?? second.sub,
    issuer: first.issuer ?? second.issuer,
  };
}

function isDelivery({ path }: RequestFacts): boolean {
  return path?.startsWith("/events/") ?? false;
}

/** The spans without those of probes, and without those that a probe caused. */
export function withoutProbes(spans: readonly TracedSpan[]): readonly TracedSpan[] {
  const dropped = new Set(spans.filter(isProbe).map(({ traceId }) => traceId));
  return dropped.size === 0 ? spans : spans.filter(({ traceId }) => !dropped.has(traceId));
}

function isProbe({ kind, attributes }: Span): boolean {
  return kind === "server" &&
    (probes.has(attributes["url.path"]) || probes.has(attributes["http.route"]));
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
