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
  annotate,
  count,
  countOutcomes,
  measure,
  measureDatabase,
  nameFailure,
  type OutcomeCounter,
} from "./in_context.ts";
export { startCall, type StartedCall } from "./start_call.ts";
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
