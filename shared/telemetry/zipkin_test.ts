import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { createRandomHex, createTracer } from "./tracer.ts";
import type { SpanRecord } from "./span.ts";
import { toZipkin } from "./zipkin.ts";

const Endpoint = z.strictObject({ serviceName: z.string() });
const micros = z.int().check(z.minimum(1));
const Spans = z.array(z.strictObject({
  traceId: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  id: z.string().check(z.regex(/^[0-9a-f]{16}$/)),
  parentId: z.optional(z.string().check(z.regex(/^[0-9a-f]{16}$/))),
  name: z.string(),
  kind: z.optional(z.enum(["CLIENT", "SERVER", "PRODUCER", "CONSUMER"])),
  timestamp: micros,
  duration: micros,
  localEndpoint: Endpoint,
  remoteEndpoint: z.optional(Endpoint),
  annotations: z.array(z.strictObject({ timestamp: micros, value: z.string() })),
  tags: z.record(z.string(), z.string()),
}));

const at = 1_700_000_000_000;

function setup() {
  const exported: SpanRecord[] = [];
  const tracer = createTracer({
    mode: "head",
    ratio: 1,
    slowMs: 0,
    now: () => at + 0.5,
    randomHex: createRandomHex(),
    keep: (span) => exported.push(span),
    onDrop: () => {},
  });
  const text = () => toZipkin(exported, { serviceName: "edgepass", instanceId: "0123" });
  const spans = () => Spans.parse(JSON.parse(text()));
  return { tracer, text, spans };
}

Deno.test("a call is exported with its endpoints, times, annotations and tags", () => {
  const { tracer, spans } = setup();
  const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1, isRemote: true };
  const span = tracer.startSpan("GET", {
    kind: SpanKind.CLIENT,
    startTime: at,
    attributes: { "edgepass.service": "gateway", "edgepass.peer": "course", status: 500, all: [1] },
  }, trace.setSpanContext(ROOT_CONTEXT, parent));
  span.addEvent("retry").addEvent("wait", { ms: 5 });
  span.setStatus({ code: SpanStatusCode.ERROR, message: "no" });
  span.end(at + 2.25);
  assert.deepEqual(spans(), [{
    traceId: parent.traceId,
    id: span.spanContext().spanId,
    parentId: parent.spanId,
    name: "GET",
    kind: "CLIENT",
    timestamp: at * 1000,
    duration: 2250,
    localEndpoint: { serviceName: "gateway" },
    remoteEndpoint: { serviceName: "course" },
    annotations: [
      { timestamp: at * 1000 + 500, value: "retry" },
      { timestamp: at * 1000 + 500, value: '{"wait":{"ms":"5"}}' },
    ],
    tags: {
      "edgepass.service": "gateway",
      "edgepass.peer": "course",
      status: "500",
      all: "[1]",
      "otel.status_code": "ERROR",
      error: "no",
      "service.instance.id": "0123",
    },
  }]);
});

Deno.test("an internal span without a service, a parent or a duration is exported too", () => {
  const { tracer, spans } = setup();
  tracer.startSpan("sign", {}, ROOT_CONTEXT).setStatus({ code: SpanStatusCode.OK }).end();
  const [span] = spans();
  assert.equal(span?.parentId, undefined);
  assert.equal(span?.kind, undefined);
  assert.equal(span?.duration, 1);
  assert.deepEqual(span?.localEndpoint, { serviceName: "edgepass" });
  assert.equal(span?.tags["otel.status_code"], "OK");
});

Deno.test("no address and no token in a span is exported", () => {
  const { tracer, text } = setup();
  for (const secret of ["somebody@example.com", "k3Jd8fK2l".repeat(6)]) {
    const attributes = { "edgepass.service": secret, "edgepass.peer": secret, list: [secret] };
    const span = tracer.startSpan(secret, { attributes });
    span.addEvent(secret, attributes).setStatus({ code: SpanStatusCode.ERROR, message: secret });
    span.end();
    assert(!text().includes(secret));
  }
});
