import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { ConfigError } from "../composition/settings.ts";
import { createTelemetry, readTelemetry } from "./telemetry.ts";

const recording = () =>
  createTelemetry({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.example" }, { runtime: "deno" });

Deno.test("the bound telemetry is the program's", () => {
  const bound = recording();
  assert.equal(readTelemetry({ TELEMETRY: bound, OTHER: 1 }), bound);
});

Deno.test("a binding of another type is refused by name", () => {
  for (const value of ["t0psecret", 1, {}, null, { tracer: {} }]) {
    assert.throws(() => readTelemetry({ TELEMETRY: value }), (error) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, /^Cannot start: TELEMETRY: must be made by the runtime$/);
      return true;
    });
  }
});

Deno.test("without a binding ids are valid and nothing is recorded", () => {
  const { tracer, metrics, sampleRatio, incoming, slowMs, prometheus } = readTelemetry({});
  assert.deepEqual([sampleRatio, incoming, slowMs, prometheus], [1, "continue", 1000, undefined]);
  metrics.add("edgepass.redis.commands", {});
  metrics.move("edgepass.upstream.active", {}, 1);
  metrics.record("edgepass.redis.callers", {}, 1);
  const root = tracer.startSpan("GET", {}, ROOT_CONTEXT);
  assert.equal(root.isRecording(), false);
  assert.match(root.spanContext().traceId, /^[0-9a-f]{32}$/);
  const child = tracer.startSpan("sign", {}, trace.setSpan(ROOT_CONTEXT, root));
  assert.equal(child.spanContext().traceId, root.spanContext().traceId);
  assert.notEqual(child.spanContext().spanId, root.spanContext().spanId);
  assert.equal(tracer.startActiveSpan("active", (span) => span.isRecording()), false);
});

Deno.test("without a binding spans go to a registered provider, even one registered later", () => {
  const { tracer } = readTelemetry({});
  assert.equal(tracer.startSpan("GET").isRecording(), false);
  trace.setGlobalTracerProvider(recording().tracerProvider);
  try {
    assert.equal(tracer.startSpan("GET").isRecording(), true);
    const unsampled = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 0 };
    const parent = trace.setSpanContext(context.active(), unsampled);
    const span = tracer.startSpan("GET", {}, parent);
    assert.equal(span.spanContext().traceFlags, 0);
    assert.notEqual(span.spanContext().spanId, unsampled.spanId);
  } finally {
    trace.disable();
  }
});
