export {
  type LogFields,
  type Loggable,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logSettings,
  type LogSink,
  toLoggerOptions,
  type WriteLine,
} from "../log.ts";
export {
  bestEffort,
  childSpan,
  isProbe,
  newTrace,
  noopSpan,
  readTraceparent,
  readTracestate,
  type StartedSpan,
  type StartSpanOptions,
  startTracedSpan,
  toSpanContext,
  toTraceparent,
  type TraceContext,
} from "./trace_context.ts";
export { telemetrySettings } from "./settings.ts";
export {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type MetricAttributes,
  metricCatalogue,
  type MetricDefinition,
  type MetricName,
  type NamesOf,
} from "./catalogue.ts";
export { isSampled, type RandomHex } from "./tracer.ts";
export { type Metrics, prometheusMediaType, prometheusName, toLabelName } from "./metrics.ts";
export {
  createTelemetry,
  noopTelemetry,
  readTelemetry,
  registerContextManager,
  type RunningTelemetry,
  type Telemetry,
  type TelemetryEffects,
} from "./telemetry.ts";
export type { FlushOptions, SenderEffects } from "./exporter.ts";
