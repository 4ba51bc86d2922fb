import type { LogLine, Span } from "./api.ts";

/** A span as it arrives: with its trace. */
export interface TracedSpan extends Span {
  readonly traceId: string;
}

/** What is known of one request to the gateway. */
export interface RequestFacts {
  readonly time: number;
  /** Told by its span; else by its log line, which is all there is of an unsampled request. */
  readonly isSpan: boolean;
  readonly method: string;
  readonly path: string | null;
  readonly route: string | null;
  readonly status: number | null;
  readonly code: string | null;
  readonly durationMs: number | null;
  readonly sub: string | null;
  readonly issuer: string | null;
}

/** Whoever asks these wants to know how a process is; they come every few seconds. */
const probes: ReadonlySet<unknown> = new Set(["/livez", "/readyz", "/metrics"]);

/** What a line of the gateway's says at the end of a request; it is found by this very text. */
const answered = "Request answered";

/**
 * How far the beginnings of one request may lie apart as its span and its line tell them: a line's
 * is its own time less the duration, and the clock of spans may be 20 ms off the wall clock.
 */
const toleranceMs = 50;

/** What a span tells of a request, if it is the gateway's own of one. */
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

/** What a log line tells of a request, if it is the gateway's line of one. */
export function readLineFacts({ service, message, time, fields }: LogLine):
  | RequestFacts
  | undefined {
  const method = text(fields.method);
  if (service !== "gateway" || message !== answered || method === null) return undefined;
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
 * Joins what two sources tell of a trace's request.
 *
 * A client may send several requests in one trace; the row is then the last one's. The deliveries of
 * the events that a request caused pass the gateway in its trace too, and never stand for it.
 */
export function joinFacts(known: RequestFacts | undefined, found: RequestFacts): RequestFacts {
  if (known && isDelivery(known) !== isDelivery(found)) return isDelivery(found) ? known : found;
  if (!known || found.time > known.time + toleranceMs) return found;
  if (found.time < known.time - toleranceMs) return known;
  const [first, second] = found.isSpan || !known.isSpan ? [found, known] : [known, found];
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

/** The spans without those of probes, and of what a probe made its process do. */
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
