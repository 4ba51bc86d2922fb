import {
  type Attributes,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  trace as traceApi,
  type Tracer,
} from "@opentelemetry/api";
import { childSpan, newTrace, type TraceContext } from "./trace_context.ts";

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
