import { trace } from "@opentelemetry/api";
import * as z from "zod/mini";
import { type Bindings, ConfigError, readConfig } from "../composition/settings.ts";
import { createLineLogger } from "../log.ts";
import type { LogSink } from "../log.ts";
import { createClock } from "./clock.ts";
import { createExporter, type Exporter } from "./exporter.ts";
import { createRandomHex, type RandomHex } from "./ids.ts";
import { createMetrics } from "./metrics.ts";
import { toPrometheus } from "./prometheus.ts";
import { createSender, type SenderEffects } from "./sender.ts";
import { telemetrySettings } from "./settings.ts";
import { toTargets } from "./targets.ts";
import type { RunningTelemetry } from "./telemetry.ts";
import { createTracer, type TracerOptions } from "./tracer.ts";

/** What telemetry needs of its program. */
export interface TelemetryEffects {
  /** The runtime: on Deno spans are sampled when they begin, on workerd when they have ended. */
  readonly runtime: "deno" | "workerd";
  /**
   * Receives lines about telemetry's own failures, at most one a minute; standard output by
   * default.
   */
  readonly log?: LogSink;
  /** Calls collectors; the global `fetch` by default. */
  readonly fetch?: SenderEffects["fetch"];
  /** Epoch milliseconds, with fractions where the runtime has them. */
  readonly now?: () => number;
  /** Generates ids; Web Crypto by default. */
  readonly randomHex?: RandomHex;
  /** Waits, in milliseconds. */
  readonly wait?: (ms: number) => Promise<void>;
  /** `service.name`, unless `OTEL_SERVICE_NAME` sets another; `edgepass` by default. */
  readonly serviceName?: string;
}

/** An isolate of a Worker may end at any time, so its measurements must not wait long. */
const maxWorkerdIntervalMs = 10_000;
const Settings = z.object(telemetrySettings);

/**
 * Creates a program's telemetry: spans, metrics and log lines, sent to the configured collectors.
 *
 * Settings are OpenTelemetry's `OTEL_*` names of {@link telemetrySettings}, `TRACE_INCOMING` and
 * `SLOW_REQUEST_MS`. Without an endpoint nothing is recorded, but trace and span ids are still
 * valid. Only `flush` sends: by a timer on Deno, after each event on workerd.
 *
 * @throws {ConfigError} naming the settings that are malformed
 */
export function createTelemetry(bindings: Bindings, effects: TelemetryEffects): RunningTelemetry {
  const config = readConfig(Settings, bindings);
  if (config.OTEL_DENO) requireNoPropagators(config.OTEL_PROPAGATORS);
  const isDeno = effects.runtime === "deno";
  // The clocks of workerd, wall and steady, stand still between I/O.
  const now = effects.now ?? (isDeno ? createClock() : Date.now);
  const targets = toTargets(config);
  const metrics = createMetrics({ now });
  const exporter = createExporter({
    targets,
    resource: {
      serviceName: config.OTEL_SERVICE_NAME ?? effects.serviceName ?? "edgepass",
      instanceId: crypto.randomUUID(),
    },
    metrics,
    send: createSender(toSenderEffects(effects, now)),
    now,
    maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
    metricIntervalMs: isDeno
      ? config.OTEL_METRIC_EXPORT_INTERVAL
      : Math.min(config.OTEL_METRIC_EXPORT_INTERVAL, maxWorkerdIntervalMs),
    isOneAtATime: isDeno,
  });
  const tracer = isDeno && config.OTEL_DENO ? trace.getTracer("edgepass") : createTracer({
    mode: targets.traces ? (isDeno ? "head" : "tail") : "none",
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    slowMs: config.SLOW_REQUEST_MS,
    ...toTracerEffects(effects, exporter, now),
  });
  return {
    tracer,
    tracerProvider: { getTracer: () => tracer },
    metrics,
    ...(isDeno ? { prometheus: () => toPrometheus(metrics.snapshot()) } : {}),
    ...(targets.logs ? { logSink: exporter.takeLine } : {}),
    sampleRatio: config.OTEL_TRACES_SAMPLER_ARG,
    incoming: config.TRACE_INCOMING,
    slowMs: config.SLOW_REQUEST_MS,
    scheduleDelayMs: config.OTEL_BSP_SCHEDULE_DELAY,
    flush: exporter.flush,
  };
}

function toTracerEffects(
  { randomHex = createRandomHex() }: TelemetryEffects,
  { takeSpan, dropSpan }: Exporter,
  now: () => number,
): Pick<TracerOptions, "now" | "randomHex" | "keep" | "onDrop"> {
  return { now, randomHex, keep: takeSpan, onDrop: dropSpan };
}

function toSenderEffects({ log, ...effects }: TelemetryEffects, now: () => number): SenderEffects {
  return {
    // Read at each call: the global may be instrumented later.
    fetch: effects.fetch ?? ((url, init) => fetch(url, init)),
    now,
    wait: effects.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    log: createLineLogger({ service: "telemetry", ...(log ? { sink: log } : {}) }),
  };
}

/** Deno would send a second `traceparent` in addition to ours. */
function requireNoPropagators(propagators: string | undefined): void {
  if (propagators !== "none") {
    throw new ConfigError("Cannot start: OTEL_PROPAGATORS must be none where OTEL_DENO is true");
  }
}
