import type { Tracer, TracerProvider } from "@opentelemetry/api";
import type { LogSink } from "../log.ts";
import type { CounterName, GaugeName, HistogramName, MetricAttributes } from "./catalogue.ts";

/** Counts and measures; no call throws, waits, or keeps more series than the catalogue bounds. */
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
  /** Puts a value into a histogram, in the metric's unit. */
  record<Name extends HistogramName>(
    name: Name,
    attributes: MetricAttributes<Name>,
    value: number,
  ): void;
}

/** How a program makes itself visible. */
export interface Telemetry {
  /** Spans by the OpenTelemetry API, of whatever provider there is. */
  readonly tracer: Tracer;
  /** Counters and measurements of the catalogue. */
  readonly metrics: Metrics;
  /** The metrics in Prometheus' text form, where this program lives long enough to be asked. */
  readonly prometheus?: () => string;
  /** Share of traces that are kept, 0 to 1; the gateway decides by it, others follow. */
  readonly sampleRatio: number;
  /** Whether a valid `traceparent` from outside is continued, or linked from a trace of our own. */
  readonly incoming: "continue" | "restart";
  /** Requests slower than this many milliseconds are told apart in the gateway's line. */
  readonly slowMs: number;
}

/** How much is sent. */
export interface FlushOptions {
  /** Everything, whether its time has come or not: the program ends. */
  readonly final?: boolean;
}

/** Telemetry with the duties of a runtime. */
export interface RunningTelemetry extends Telemetry {
  /** The tracer for whoever asks the OpenTelemetry API for one; nobody registers it by itself. */
  readonly tracerProvider: TracerProvider;
  /** Milliseconds between two flushes, where a timer does it. */
  readonly scheduleDelayMs: number;
  /** Takes finished log lines too, where logs are exported. */
  readonly logSink?: LogSink;
  /** Sends what has gathered; never rejects. */
  flush(options?: FlushOptions): Promise<void>;
}
