import { context, isSpanContextValid, trace, type Tracer } from "@opentelemetry/api";
import { toTracer } from "./active_span.ts";
import { createRandomHex } from "./ids.ts";
import type { Metrics, Telemetry } from "./telemetry.ts";
import { createTracer } from "./tracer.ts";

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
