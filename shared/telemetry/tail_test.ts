import { ROOT_CONTEXT, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createRandomHex, createTracer } from "./tracer.ts";
import type { SpanRecord } from "./span.ts";

function setup({ ratio = 0, slowMs = 1000 } = {}) {
  const exported: SpanRecord[] = [];
  const counts = { dropped: 0 };
  const time = { now: 5000 };
  const tracer = createTracer({
    mode: "tail",
    ratio,
    slowMs,
    now: () => time.now,
    randomHex: createRandomHex(),
    keep: (span) => exported.push(span),
    onDrop: () => counts.dropped++,
  });
  const names = () => exported.map(({ name }) => name);
  return { tracer, names, exported, time, counts };
}

const under = (span: Span) => trace.setSpan(ROOT_CONTEXT, span);
/** A parent as a header names it. */
const behind = (span: Span) =>
  trace.setSpanContext(ROOT_CONTEXT, { ...span.spanContext(), isRemote: true });

Deno.test("an unsampled trace that is fast and without failure is dropped, though it is recorded", () => {
  const { tracer, names } = setup();
  const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
  const child = tracer.startSpan("child", {}, under(root));
  assert.deepEqual([root.isRecording(), child.isRecording()], [true, true]);
  assert.equal(root.spanContext().traceFlags, 0);
  child.setStatus({ code: SpanStatusCode.ERROR }).end();
  root.end();
  assert.deepEqual(names(), []);
});

Deno.test("a sampled trace is exported when its local root ends", () => {
  const { tracer, names } = setup({ ratio: 1 });
  const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
  tracer.startSpan("child", {}, under(root)).end();
  assert.deepEqual(names(), []);
  root.end();
  assert.deepEqual(names(), ["root", "child"]);
});

Deno.test("a local root that failed is exported with all its spans, and its flag stays", () => {
  const { tracer, names, exported } = setup();
  const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
  tracer.startSpan("child", {}, under(root)).end();
  root.setStatus({ code: SpanStatusCode.ERROR });
  root.end();
  assert.deepEqual(names(), ["root", "child"]);
  assert.equal(exported[0]?.context.traceFlags, 0);
});

Deno.test("a local root is slow when it lasts longer than the bound", () => {
  for (const [lastedMs, expected] of [[1000, []], [1001, ["root"]]] as const) {
    const { tracer, names, time } = setup({ slowMs: 1000 });
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    time.now += lastedMs;
    root.end();
    assert.deepEqual(names(), expected);
  }
});

Deno.test("a span that ends after its local root follows the decision, once", () => {
  for (const ratio of [0, 1]) {
    const { tracer, names } = setup({ ratio });
    const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
    const late = tracer.startSpan("late", {}, under(root));
    root.end();
    const later = tracer.startSpan("later", {}, under(late));
    later.end();
    late.end();
    late.end();
    assert.deepEqual(names(), ratio === 1 ? ["root", "later", "late"] : []);
  }
});

Deno.test("a service in the same isolate shares the decision of the span that called it", () => {
  const { tracer, names } = setup();
  const gateway = tracer.startSpan("gateway", {}, ROOT_CONTEXT);
  const forward = tracer.startSpan("forward", {}, under(gateway));
  tracer.startSpan("service", {}, behind(forward)).end();
  forward.end();
  gateway.setStatus({ code: SpanStatusCode.ERROR }).end();
  assert.deepEqual(names(), ["gateway", "forward", "service"]);
});

Deno.test("a trace id alone attaches no span to another request", () => {
  const { tracer, names } = setup();
  const one = tracer.startSpan("one", {}, ROOT_CONTEXT);
  const stranger = { ...one.spanContext(), spanId: "00f067aa0ba902b7", isRemote: true };
  const two = tracer.startSpan("two", {}, trace.setSpanContext(ROOT_CONTEXT, stranger));
  two.end();
  one.setStatus({ code: SpanStatusCode.ERROR }).end();
  assert.deepEqual(names(), ["one"]);
});

Deno.test("a trace holds no more than 512 spans before its decision, and counts the others", () => {
  const { tracer, exported, counts } = setup({ ratio: 1 });
  const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
  for (let count = 0; count < 600; count++) tracer.startSpan("child", {}, under(root)).end();
  root.end();
  assert.equal(exported.length, 512);
  assert.equal(counts.dropped, 89);
});

Deno.test("requests that never end their span leave at most 1000 open traces", () => {
  const { tracer, names } = setup();
  const first = tracer.startSpan("first", {}, ROOT_CONTEXT);
  for (let count = 0; count < 1000; count++) tracer.startSpan("lost", {}, ROOT_CONTEXT);
  tracer.startSpan("service", {}, behind(first)).end();
  first.setStatus({ code: SpanStatusCode.ERROR }).end();
  assert.deepEqual(names(), ["first"]);
});

Deno.test("ended traces take no slot of an open trace, and hold no spans", () => {
  const { tracer, names, exported } = setup();
  const first = tracer.startSpan("first", {}, ROOT_CONTEXT);
  for (let count = 0; count < 1000; count++) tracer.startSpan("ended", {}, ROOT_CONTEXT).end();
  tracer.startSpan("service", {}, behind(first)).end();
  first.setStatus({ code: SpanStatusCode.ERROR }).end();
  assert.deepEqual(names(), ["first", "service"]);
  assert.deepEqual(exported.map(({ local }) => local?.spans), [[], []]);
});
