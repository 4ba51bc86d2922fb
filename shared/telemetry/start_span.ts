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
import { childSpan, newTrace, type TraceContext } from "../trace_context.ts";
import { bestEffort } from "./best_effort.ts";

/** A span under way, and what it is called in the headers of the calls it makes. */
export interface StartedSpan {
  /** By the OpenTelemetry API. */
  readonly span: Span;
  /** Its place in the trace; valid also where nobody records spans. */
  readonly trace: TraceContext;
}

/** What a span is about. */
export interface OpenSpanOptions {
  /** Internal work, by default. */
  readonly kind?: SpanKind;
  /** The span it is part of: one of this program, or one that a header names. */
  readonly parent?: StartedSpan | TraceContext | undefined;
  /** What is known at its start. */
  readonly attributes?: Attributes;
  /** Other traces it belongs to. */
  readonly links?: Link[];
}

/**
 * Starts a span that its caller ends.
 *
 * Without a provider the API hands back a span without ids of its own; the trace goes on all the
 * same, because logs, answers and other services name it. So it does below a provider that throws.
 */
export function startTracedSpan(
  tracer: Tracer,
  name: string,
  options: OpenSpanOptions = {},
): StartedSpan {
  return bestEffort(() => startSpan(tracer, name, options)) ?? noopSpanBelow(options.parent);
}

function startSpan(
  tracer: Tracer,
  name: string,
  { parent, ...options }: OpenSpanOptions,
): StartedSpan {
  if (parent === undefined) {
    const span = tracer.startSpan(name, options, ROOT_CONTEXT);
    return { span, trace: toTrace(span) ?? newTrace() };
  }
  const isLocal = "span" in parent;
  const above = isLocal ? parent.trace : parent;
  // Below an idle span there is nothing to record, and some providers refuse a parent without ids.
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

/** Asked every few seconds by whoever keeps a system running; they would bury what people did. */
const probes: ReadonlySet<string> = new Set(["/livez", "/readyz", "/metrics"]);

/** Whether a path is asked by machines that look after this program. */
export function isProbe(path: string): boolean {
  return probes.has(path);
}

/** A trace that has ids for answers and log lines, and no spans. */
export function noopSpan(): StartedSpan {
  return { span: traceApi.wrapSpanContext(INVALID_SPAN_CONTEXT), trace: newTrace() };
}

function noopSpanBelow(parent: OpenSpanOptions["parent"]): StartedSpan {
  const noop = noopSpan();
  if (parent === undefined) return noop;
  return { ...noop, trace: childSpan("span" in parent ? parent.trace : parent) };
}

/** What the API calls a place in a trace; a link names one. */
export function toSpanContext({ traceId, spanId, flags }: TraceContext) {
  return { traceId, spanId, traceFlags: flags, isRemote: true };
}

function toTrace(span: Span): TraceContext | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  return { traceId: context.traceId, spanId: context.spanId, flags: context.traceFlags & 1 };
}
