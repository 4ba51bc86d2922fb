import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandomHex, createTracer } from "./tracer.ts";
import { Traces } from "../../tests/support/otlp_shapes.ts";
import { toOtlpTraces } from "./otlp.ts";
import type { SpanRecord } from "./span.ts";

const resource = { serviceName: "edgepass", instanceId: "0123456789abcdef" };
const at = 1_700_000_000_000;

function setup() {
  const exported: SpanRecord[] = [];
  const tracer = createTracer({
    mode: "head",
    ratio: 1,
    slowMs: 0,
    now: () => at + 0.25,
    randomHex: createRandomHex(),
    keep: (span) => exported.push(span),
    onDrop: () => {},
  });
  const body = () => Traces.parse(JSON.parse(toOtlpTraces(exported, resource)));
  const spans = () => body().resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  return { tracer, body, spans, exported };
}

Deno.test("a span is exported with its ids, times, kind, attributes and status", () => {
  const { tracer, body, spans } = setup();
  const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1, isRemote: true };
  const span = tracer.startSpan("GET /users/{id}", {
    kind: SpanKind.SERVER,
    startTime: at,
    attributes: { "edgepass.service": "gateway", status: 200, ok: true, share: 0.5, all: ["a", 1] },
  }, trace.setSpanContext(ROOT_CONTEXT, parent));
  span.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
  span.end(at + 1.5);
  assert.deepEqual(spans(), [{
    traceId: parent.traceId,
    spanId: span.spanContext().spanId,
    parentSpanId: parent.spanId,
    flags: 0x301,
    name: "GET /users/{id}",
    kind: 2,
    startTimeUnixNano: `${at}000000`,
    endTimeUnixNano: `${at + 1}500000`,
    attributes: [
      { key: "edgepass.service", value: { stringValue: "gateway" } },
      { key: "status", value: { intValue: "200" } },
      { key: "ok", value: { boolValue: true } },
      { key: "share", value: { doubleValue: 0.5 } },
      {
        key: "all",
        value: { arrayValue: { values: [{ stringValue: "a" }, { intValue: "1" }] } },
      },
    ],
    status: { code: 2, message: "no" },
  }]);
  const attributes = body().resourceSpans[0]?.resource.attributes;
  assert.deepEqual(attributes, [
    { key: "service.name", value: { stringValue: "edgepass" } },
    { key: "service.namespace", value: { stringValue: "edgepass" } },
    { key: "service.instance.id", value: { stringValue: "0123456789abcdef" } },
    { key: "telemetry.sdk.name", value: { stringValue: "edgepass" } },
    { key: "telemetry.sdk.language", value: { stringValue: "webjs" } },
    { key: "telemetry.sdk.version", value: { stringValue: "1" } },
  ]);
});

Deno.test("events, links and the counts of dropped ones are exported", () => {
  const { tracer, spans } = setup();
  const context = { traceId: "c".repeat(32), spanId: "d".repeat(16), traceFlags: 1 };
  const span = tracer.startSpan("GET", { links: [{ context, attributes: { a: 1 } }] });
  for (let count = 0; count < 130; count++) span.addEvent("e", { at: count });
  for (let count = 0; count < 66; count++) span.setAttribute(`a${count}`, count);
  span.end();
  const [exportedSpan] = spans();
  assert.equal(exportedSpan?.parentSpanId, undefined);
  assert.equal(exportedSpan?.flags, 0x101);
  assert.equal(exportedSpan?.kind, 1);
  assert.equal(exportedSpan?.status, undefined);
  assert.equal(exportedSpan?.events?.length, 128);
  assert.equal(exportedSpan?.droppedEventsCount, 2);
  assert.equal(exportedSpan?.droppedAttributesCount, 2);
  const attributes = [{ key: "a", value: { intValue: "1" } }];
  const { traceId, spanId } = context;
  assert.deepEqual(exportedSpan?.links, [{ traceId, spanId, flags: 1, attributes }]);
});

Deno.test("every span is exported as valid OTLP", () => {
  const scalar = fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.integer(), fc.boolean());
  const value = fc.oneof(scalar, fc.array(scalar), fc.anything());
  const name = fc.string({ minLength: 1, unit: "binary" });
  const attributes = fc.dictionary(fc.string({ unit: "binary" }), value);
  fc.assert(
    fc.property(name, attributes, (text, all) => {
      const { tracer, body } = setup();
      const span = tracer.startSpan(text, { attributes: all });
      span.addEvent(text, all);
      span.setStatus({ code: SpanStatusCode.ERROR, message: text });
      span.end();
      body();
    }),
    { numRuns: 40 },
  );
});
