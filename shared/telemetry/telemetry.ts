import {
  context,
  isSpanContextValid,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { LogSink } from "../log.ts";
import type { CounterName, GaugeName, HistogramName, MetricAttributes } from "./catalogue.ts";
import { createRandomHex, createTracer, toTracer } from "./tracer.ts";

/** Counts and measures; no call throws, waits, or creates more series than the catalogue allows. */
export interface Metrics {
  /** Adds to a counter, 1 by default. */
  add<Name extends CounterName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    value?: number,
  ): void;
  /** Moves a level up or down. */
  move<Name extends GaugeName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    change: number,
  ): void;
  /** Adds a value to a histogram, in the metric's unit. */
  record<Name extends HistogramName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    value: number,
  ): void;
}

/** The telemetry of a program. */
export interface Telemetry {
  /** Spans by the OpenTelemetry API, of any provider. */
  readonly tracer: Tracer;
  /** Counters and measurements of the catalogue. */
  readonly metrics: Metrics;
  /** The metrics in Prometheus' text format, where this program lives long enough to be scraped. */
  readonly prometheus?: () => string;
  /** Share of sampled traces, 0 to 1; the gateway decides by it, services follow. */
  readonly sampleRatio: number;
  /** Whether a valid `traceparent` from outside is continued, or linked from a trace of our own. */
  readonly incoming: "continue" | "restart";
  /** Requests slower than this many milliseconds are marked in the gateway's log line. */
  readonly slowMs: number;
}

/** What to send. */
export interface FlushOptions {
  /** Everything, due or not: the program ends. */
  readonly final?: boolean;
}

/** Telemetry with the functions that a runtime calls. */
export interface RunningTelemetry extends Telemetry {
  /** The tracer provider for the OpenTelemetry API; the runtime registers it. */
  readonly tracerProvider: TracerProvider;
  /** Milliseconds between two flushes, where a timer runs them. */
  readonly scheduleDelayMs: number;
  /** Receives finished log lines too, where logs are exported. */
  readonly logSink?: LogSink;
  /** Sends everything collected; never rejects. */
  flush(options?: FlushOptions): Promise<void>;
}

/** Metrics that are discarded. */
export const noopMetrics: Metrics = { add() {}, move() {}, record() {} };

/** The default of a program without telemetry: spans go to the API's global provider. */
export function noopTelemetry(): Telemetry {
  const settings = { sampleRatio: 1, incoming: "continue", slowMs: 1000 } as const;
  return { tracer: globalTracer(), metrics: noopMetrics, ...settings };
}

/** The API's global tracer; without one, ids of our own, since every request has a trace id. */
function globalTracer(): Tracer {
  const idle = createTracer({
    mode: "none",
    ratio: 1,
    slowMs: 0,
    now: Date.now,
    randomHex: createRandomHex(),
    keep: () => {},
    onDrop: () => {},
  });
  return toTracer(function startSpan(name, options, ctx = context.active()) {
    const span = trace.getTracer("edgepass").startSpan(name, options, ctx);
    const { spanId } = span.spanContext();
    // The API's own noop tracer returns the parent's ids, or zeros.
    const isIdle = !span.isRecording() &&
      (!isSpanContextValid(span.spanContext()) || trace.getSpanContext(ctx)?.spanId === spanId);
    return isIdle ? idle.startSpan(name, options, ctx) : span;
  });
}
