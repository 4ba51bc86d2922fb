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
export { readTelemetry, telemetrySettings } from "./settings.ts";
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
export {
  createTelemetry,
  registerContextManager,
  type TelemetryEffects,
} from "./create_telemetry.ts";
export { isSampled, type RandomHex } from "./tracer.ts";
export { prometheusMediaType, prometheusName, toLabelName } from "./metrics.ts";
export {
  type FlushOptions,
  type Metrics,
  noopTelemetry,
  type RunningTelemetry,
  type Telemetry,
} from "./telemetry.ts";
export type { SenderEffects } from "./exporter.ts";
