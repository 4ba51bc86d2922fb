import {
  type Context,
  context,
  type ContextManager,
  isSpanContextValid,
  ROOT_CONTEXT,
  trace,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import { AsyncLocalStorage } from "node:async_hooks";
import * as z from "zod/mini";
import { type Bindings, ConfigError, readConfig } from "../composition/settings.ts";
import { createLineLogger, type LogSink } from "../log.ts";
import {
  createExporter,
  createSender,
  type Exporter,
  type FlushOptions,
  type SenderEffects,
} from "./exporter.ts";
import { createMetrics, type Metrics, toPrometheus } from "./metrics.ts";
import { telemetrySettings, toTargets } from "./settings.ts";
import {
  createClock,
  createRandomHex,
  createTracer,
  type RandomHex,
  toTracer,
  type TracerOptions,
} from "./tracer.ts";

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

const noopMetrics: Metrics = { add() {}, move() {}, record() {} };

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

/**
 * The binding `TELEMETRY`: the telemetry that the runtime's adapter created for the whole program.
 */
const telemetrySetting = z.optional(
  z.custom<Telemetry>(isTelemetry, "must be made by the runtime"),
);

const Binding = z.object({ TELEMETRY: telemetrySetting });

/**
 * The telemetry of this program: the bound one, or a noop whose spans go to the global provider of
 * the OpenTelemetry API and whose metrics are discarded.
 *
 * @throws {ConfigError} if the binding is something else
 */
export function readTelemetry(bindings: Bindings): Telemetry {
  return readConfig(Binding, bindings).TELEMETRY ?? noopTelemetry();
}

function isTelemetry(value: unknown): boolean {
  return typeof value === "object" && value !== null && "tracer" in value && "metrics" in value;
}

/**
 * Propagates the active span through asynchronous work.
 *
 * Not `@opentelemetry/context-async-hooks`: its `attach` and `disable` need functions that
 * workerd's storage lacks, and the rest of it wraps event emitters, which are not used here.
 */
export function createContextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (ctx, fn, thisArg, ...args) => storage.run(ctx, () => fn.apply(thisArg, args)),
    bind: (ctx, target) =>
      typeof target !== "function" ? target : new Proxy(target, {
        apply: (fn, self, args) => storage.run(ctx, () => Reflect.apply(fn, self, args)),
      }),
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

/**
 * Makes `context.active()` of the OpenTelemetry API follow asynchronous work in this isolate.
 *
 * An existing context manager, from another call or Deno's own, stays.
 */
export function registerContextManager(): void {
  context.setGlobalContextManager(createContextManager());
}
