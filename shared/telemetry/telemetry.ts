import type { Tracer, TracerProvider } from "@opentelemetry/api";
import type { LogSink } from "../log.ts";
import type { CounterName, GaugeName, HistogramName, MetricAttributes } from "./catalogue.ts";

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
