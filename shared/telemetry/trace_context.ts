import {
  type Attributes,
  createTraceState,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  trace as traceApi,
  type Tracer,
} from "@opentelemetry/api";

/** The position of a request in its trace (W3C Trace Context, Level 1). */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits: the span that makes or serves this hop. */
  readonly spanId: string;
  /** The trace-flags field; bit 0 is `sampled`. */
  readonly flags: number;
  /** The `tracestate` that was received and is passed on, if any. */
  readonly state?: string;
}

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?$/;

/**
 * Reads a `traceparent` header (§3.2), or returns undefined when a new trace must start.
 *
 * Version `ff` and all-zero ids are invalid; version `00` has exactly four fields, later versions
 * may have more. A comma means two headers, which counts as none. Of the flags only `sampled` is
 * read.
 */
export function readTraceparent(header: string | null | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = traceparent.exec(header ?? "") ?? [];
  if (!version || !traceId || !spanId || !flags) return undefined;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & 1 };
}

/** The `traceparent` of an outgoing hop. */
export function toTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
}

/** Starts a trace. */
export function newTrace(): TraceContext {
  return { traceId: randomHex(16), spanId: randomHex(8), flags: 1 };
}

/** The next span of the same trace; every outgoing call has one of its own. */
export function childSpan(parent: TraceContext): TraceContext {
  return { ...parent, spanId: randomHex(8) };
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  // All-zero ids are invalid; one fixed bit prevents them without drawing again. Ids have bytes.
  random[0]! |= 0x01;
  return random.toHex();
}

/**
 * Reads a `tracestate` header (W3C Trace Context §3.3), or returns undefined.
 *
 * A malformed header is dropped as a whole: at most 32 members of well-formed keys and values, no
 * key twice, at most 512 characters.
 */
export function readTracestate(header: string | null | undefined): string | undefined {
  if (!header || header.length > 512) return undefined;
  const members = header.split(",").map((member) => member.trim()).filter(Boolean);
  if (members.length === 0 || members.length > 32) return undefined;
  const state = createTraceState(members.join(",")).serialize();
  return state !== "" && state.split(",").length === members.length ? state : undefined;
}

/** A span in progress, and its trace context for the headers of its calls. */
export interface StartedSpan {
  /** By the OpenTelemetry API. */
  readonly span: Span;
  /** Its trace context; valid also when no provider records spans. */
  readonly trace: TraceContext;
}

/** Options of a span. */
export interface StartSpanOptions {
  /** Internal work, by default. */
  readonly kind?: SpanKind;
  /** The parent: a span of this program, or one from a header. */
  readonly parent?: StartedSpan | TraceContext | undefined;
  /** Attributes at its start. */
  readonly attributes?: Attributes;
  /** Related traces. */
  readonly links?: Link[];
}

/**
 * Starts a span that its caller ends.
 *
 * Without a provider the API returns a span without ids of its own; the trace continues regardless,
 * because logs, responses and other services use its ids. The same holds under a provider that
 * throws.
 */
export function startTracedSpan(
  tracer: Tracer,
  name: string,
  options: StartSpanOptions = {},
): StartedSpan {
  try {
    return startSpan(tracer, name, options);
  } catch {
    return noopSpanBelow(options.parent);
  }
}

function startSpan(
  tracer: Tracer,
  name: string,
  { parent, ...options }: StartSpanOptions,
): StartedSpan {
  if (parent === undefined) {
    const span = tracer.startSpan(name, options, ROOT_CONTEXT);
    return { span, trace: toTrace(span) ?? newTrace() };
  }
  const isLocal = "span" in parent;
  const above = isLocal ? parent.trace : parent;
  // Below a noop span nothing is recorded, and some providers refuse a parent without ids.
  if (isLocal && !isSpanContextValid(parent.span.spanContext())) {
    return { span: parent.span, trace: childSpan(above) };
  }
  const under = isLocal
    ? traceApi.setSpan(ROOT_CONTEXT, parent.span)
    : traceApi.setSpanContext(ROOT_CONTEXT, toSpanContext(parent));
  const span = tracer.startSpan(name, options, under);
  const own = toTrace(span);
  if (!own || own.spanId === above.spanId) return { span, trace: childSpan(above) };
  return { span, trace: above.state === undefined ? own : { ...own, state: above.state } };
}

/** Monitoring requests them every few seconds; their spans would hide those of clients. */
const probes: ReadonlySet<string> = new Set(["/livez", "/readyz", "/metrics"]);

/** Whether monitoring requests this path. */
export function isProbe(path: string): boolean {
  return probes.has(path);
}

/** A trace with ids for responses and log lines, without spans. */
export function noopSpan(): StartedSpan {
  return { span: traceApi.wrapSpanContext(INVALID_SPAN_CONTEXT), trace: newTrace() };
}

function noopSpanBelow(parent: StartSpanOptions["parent"]): StartedSpan {
  const noop = noopSpan();
  if (parent === undefined) return noop;
  return { ...noop, trace: childSpan("span" in parent ? parent.trace : parent) };
}

/** The API's SpanContext of a trace context; a link needs one. */
export function toSpanContext({ traceId, spanId, flags }: TraceContext) {
  return { traceId, spanId, traceFlags: flags, isRemote: true };
}

function toTrace(span: Span): TraceContext | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  return { traceId: context.traceId, spanId: context.spanId, flags: context.traceFlags & 1 };
}

/**
 * Runs a part of telemetry whose failure must not fail the request it reports on.
 *
 * Spans may belong to another provider, and sinks to the deployment: one that throws while a
 * response is ready would turn every request into a 500.
 */
export function bestEffort<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch {
    // A report of the failure would take the path that has just failed.
    return undefined;
  }
}
