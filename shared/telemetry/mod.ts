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
export { bestEffort } from "./best_effort.ts";
export { readTelemetry, telemetrySetting } from "./binding.ts";
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
export { registerContextManager } from "./context_manager.ts";
export { createTelemetry, type TelemetryEffects } from "./create_telemetry.ts";
export type { RandomHex } from "./ids.ts";
export {
  isProbe,
  noopSpan,
  type OpenSpanOptions,
  type StartedSpan,
  startTracedSpan,
  toSpanContext,
} from "./start_span.ts";
export { prometheusMediaType, prometheusName, toLabelName } from "./prometheus.ts";
export { noopTelemetry } from "./noop.ts";
export { isSampled } from "./sampling.ts";
export type { SenderEffects } from "./sender.ts";
export { telemetrySettings } from "./settings.ts";
export type { FlushOptions, Metrics, RunningTelemetry, Telemetry } from "./telemetry.ts";
export {
  childSpan,
  newTrace,
  readTraceparent,
  toTraceparent,
  type TraceContext,
} from "./trace_context.ts";
export { readTracestate } from "./trace_state.ts";
