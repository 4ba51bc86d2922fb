import {
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createRandomHex, createTracer, type TracerOptions } from "./tracer.ts";
import type { SpanRecord } from "./span.ts";

function setup(options: Partial<TracerOptions> = {}) {
  const exported: SpanRecord[] = [];
  const tracer = createTracer({
    mode: "head",
    ratio: 1,
    slowMs: 1000,
    now: () => 1000,
    randomHex: createRandomHex(),
    keep: (span) => exported.push(span),
    onDrop: () => {},
    ...options,
  });
  return { tracer, exported };
}

const under = (span: Span) => trace.setSpan(ROOT_CONTEXT, span);
const underContext = (parent: SpanContext) => trace.setSpanContext(ROOT_CONTEXT, parent);
const remote: SpanContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
  isRemote: true,
};

Deno.test("a span without a parent begins a trace of valid ids", () => {
  const { tracer, exported } = setup();
  const span = tracer.startSpan("GET", { kind: SpanKind.SERVER }, ROOT_CONTEXT);
  const { traceId, spanId, traceFlags } = span.spanContext();
  assert.match(traceId, /^[0-9a-f]{32}$/);
  assert.match(spanId, /^[0-9a-f]{16}$/);
  assert.equal(traceFlags, 1);
  assert.equal(span.isRecording(), true);
  assert.equal(exported.length, 0);
  span.end();
  assert.equal(span.isRecording(), false);
  assert.equal(exported.length, 1);
  assert.equal(exported[0]?.parentId, undefined);
  assert.equal(exported[0]?.kind, SpanKind.SERVER);
});

Deno.test("a child has its parent's trace, and records whether the parent is remote", () => {
  const { tracer, exported } = setup();
  const root = tracer.startSpan("root", {}, underContext(remote));
  const child = tracer.startSpan("child", {}, under(root));
  child.end();
  root.end();
  assert.equal(root.spanContext().traceId, remote.traceId);
  assert.equal(child.spanContext().traceId, remote.traceId);
  assert.deepEqual(
    exported.map(({ name, parentId, isParentRemote }) => [name, parentId, isParentRemote]),
    [["child", root.spanContext().spanId, false], ["root", remote.spanId, true]],
  );
});

Deno.test("a parent whose span id is all zero names the trace to begin", () => {
  const { tracer, exported } = setup();
  const parent = { ...remote, spanId: "0".repeat(16) };
  const span = tracer.startSpan("GET", {}, underContext(parent));
  span.end();
  assert.equal(span.spanContext().traceId, remote.traceId);
  assert.equal(exported[0]?.parentId, undefined);
  const unsampled = tracer.startSpan("GET", {}, underContext({ ...parent, traceFlags: 0 }));
  assert.equal(unsampled.isRecording(), false);
});

const invalid = {
  "an all-zero trace id": { ...remote, traceId: "0".repeat(32) },
  "a short trace id": { ...remote, traceId: "0af7" },
  "a trace id in capitals and quotes": { ...remote, traceId: `"${"A".repeat(31)}` },
};
for (const [what, parent] of Object.entries(invalid)) {
  Deno.test(`${what} is no parent`, () => {
    const { tracer, exported } = setup();
    const span = tracer.startSpan("GET", {}, underContext(parent));
    span.end();
    assert.match(span.spanContext().traceId, /^[0-9a-f]{32}$/);
    assert.notEqual(span.spanContext().traceId, parent.traceId);
    assert.equal(exported[0]?.parentId, undefined);
  });
}

Deno.test("a span that is requested as a root has no parent", () => {
  const { tracer } = setup();
  const span = tracer.startSpan("GET", { root: true }, underContext(remote));
  assert.notEqual(span.spanContext().traceId, remote.traceId);
});

Deno.test("a parent's sampled flag is followed, whatever the ratio", () => {
  for (const ratio of [0, 1]) {
    for (const traceFlags of [0, 1]) {
      const { tracer } = setup({ ratio });
      const span = tracer.startSpan("GET", {}, underContext({ ...remote, traceFlags }));
      assert.equal(span.spanContext().traceFlags, traceFlags);
      assert.equal(span.isRecording(), traceFlags === 1);
    }
  }
});

Deno.test("an unsampled span has an id of its own, and so have its children", () => {
  const { tracer, exported } = setup({ ratio: 0 });
  const root = tracer.startSpan("root", {}, ROOT_CONTEXT);
  const child = tracer.startSpan("child", {}, under(root));
  child.end();
  root.end();
  assert.deepEqual([root.isRecording(), child.isRecording()], [false, false]);
  assert.equal(root.spanContext().traceFlags, 0);
  assert.equal(child.spanContext().traceId, root.spanContext().traceId);
  assert.notEqual(child.spanContext().spanId, root.spanContext().spanId);
  assert.match(child.spanContext().spanId, /^[0-9a-f]{16}$/);
  assert.deepEqual(exported, []);
});

Deno.test("without an exporter nothing is recorded, and the flags are those of the ratio", () => {
  for (const ratio of [0, 1]) {
    const { tracer } = setup({ mode: "none", ratio });
    const span = tracer.startSpan("GET", {}, ROOT_CONTEXT);
    assert.equal(span.isRecording(), false);
    assert.equal(span.spanContext().traceFlags, ratio);
    assert.match(span.spanContext().spanId, /^[0-9a-f]{16}$/);
  }
});

Deno.test("a span has its parent's service unless it names one", () => {
  const { tracer, exported } = setup();
  const service = "edgepass.service";
  const root = tracer.startSpan("root", { attributes: { [service]: "gateway" } }, ROOT_CONTEXT);
  tracer.startSpan("one", {}, under(root)).end();
  tracer.startSpan("two", { attributes: { [service]: "course" } }, under(root)).end();
  assert.deepEqual(exported.map(({ attributes }) => attributes.get(service)), [
    "gateway",
    "course",
  ]);
});

Deno.test("a trace state is passed on", () => {
  const { tracer } = setup();
  const traceState = {
    get: () => undefined,
    set: () => traceState,
    unset: () => traceState,
    serialize: () => "a=1",
  };
  const span = tracer.startSpan("GET", {}, underContext({ ...remote, traceState }));
  assert.equal(span.spanContext().traceState?.serialize(), "a=1");
});

Deno.test("an active span is passed to its function, which may fail", () => {
  const { tracer, exported } = setup();
  const seen: string[] = [];
  const result = tracer.startActiveSpan("one", (span) => {
    seen.push(span.spanContext().spanId);
    span.end();
    return 1;
  });
  assert.equal(result, 1);
  tracer.startActiveSpan("two", { kind: SpanKind.CLIENT }, (span) => span.end());
  tracer.startActiveSpan("three", {}, underContext(remote), (span) => span.end());
  assert.throws(() =>
    tracer.startActiveSpan("four", () => {
      throw new RangeError("no");
    }), RangeError);
  assert.deepEqual(
    exported.map(({ name, kind, parentId }) => [name, kind, parentId]),
    [["one", 0, undefined], ["two", SpanKind.CLIENT, undefined], ["three", 0, remote.spanId]],
  );
  assert.equal(seen[0], exported[0]?.context.spanId);
  assert.equal(context.active(), ROOT_CONTEXT);
});
