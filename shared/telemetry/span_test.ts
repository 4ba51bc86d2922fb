import { SpanStatusCode, type Tracer } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createRandomHex, createTracer } from "./tracer.ts";
import type { SpanRecord } from "./span.ts";

/** The record of one span that `use` changes. */
function record(use: (span: ReturnType<Tracer["startSpan"]>) => void): SpanRecord {
  const exported: SpanRecord[] = [];
  const tracer = createTracer({
    mode: "head",
    ratio: 1,
    slowMs: 0,
    now: () => 1000.5,
    randomHex: createRandomHex(),
    keep: (span) => exported.push(span),
    onDrop: () => {},
  });
  const span = tracer.startSpan("GET", { startTime: 900 });
  use(span);
  span.end();
  assert(exported[0]);
  return exported[0];
}

Deno.test("a span has each attribute once, and none without a value", () => {
  const { attributes } = record((span) =>
    span.setAttribute("a", 1).setAttributes({ a: 2, b: "x", c: undefined, d: null, e: [true] })
  );
  assert.deepEqual([...attributes], [["a", 2], ["b", "x"], ["e", [true]]]);
});

Deno.test("maps and bytes are no attribute values", () => {
  const { attributes, droppedAttributes } = record((span) =>
    span.setAttributes({ map: { a: 1 }, bytes: new Uint8Array(1), call: () => {} })
  );
  assert.equal(attributes.size, 0);
  assert.equal(droppedAttributes, 3);
});

Deno.test("a span has at most 64 attributes, the first ones, which may change", () => {
  const { attributes, droppedAttributes } = record((span) => {
    for (let count = 0; count < 70; count++) span.setAttribute(`a${count}`, count);
    span.setAttribute("a0", "changed");
  });
  assert.equal(attributes.size, 64);
  assert.equal(droppedAttributes, 6);
  assert.equal(attributes.get("a0"), "changed");
});

Deno.test("a span has at most 128 events and 128 links", () => {
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 };
  const { events, links, droppedEvents, droppedLinks } = record((span) => {
    for (let count = 0; count < 130; count++) span.addEvent("e");
    span.addLinks(Array(130).fill({ context }));
  });
  assert.deepEqual([events?.length, links?.length], [128, 128]);
  assert.deepEqual([droppedEvents, droppedLinks], [2, 2]);
});

Deno.test("a link with invalid ids is dropped", () => {
  const context = { traceId: '"', spanId: "2".repeat(16), traceFlags: 0 };
  assert.deepEqual(record((span) => span.addLink({ context })).links, []);
});

Deno.test("texts are cut at 512 characters, after they were masked", () => {
  const { attributes, name } = record((span) =>
    span
      .setAttribute("text", "word ".repeat(1000))
      .setAttribute("list", ["word ".repeat(1000)])
      .setAttribute("secret", `${"word ".repeat(101)} somebody@example.com`)
      .updateName("word ".repeat(1000))
  );
  assert.equal(name.length, 512);
  assert.equal(String(attributes.get("text")).length, 512);
  assert.equal(String(attributes.get("list")).length, 512);
  assert.doesNotMatch(String(attributes.get("secret")), /some/);
});

Deno.test("times are epoch milliseconds, dates, or seconds and nanoseconds", () => {
  const { start, end, events } = record((span) => {
    span.addEvent("now").addEvent("then", 5).addEvent("with", { a: 1 }, new Date(6));
    span.addEvent("pair", [7, 250_000]);
  });
  assert.deepEqual([start, end], [900, 1000.5]);
  assert.deepEqual(events?.map(({ time }) => time), [1000.5, 5, 6, 7000.25]);
  assert.deepEqual(events?.map(({ attributes }) => attributes.size), [0, 0, 1, 0]);
});

Deno.test("a span does not end before it began", () => {
  const { start, end } = record((span) => span.end(5));
  assert.equal(end, start);
});

Deno.test("an exception becomes an event without its stack", () => {
  const { events } = record((span) => {
    span.recordException(new RangeError("too far"));
    span.recordException("words");
    span.recordException({ code: 7 });
  });
  assert.deepEqual(events?.map(({ name, attributes }) => [name, Object.fromEntries(attributes)]), [
    ["exception", { "exception.type": "RangeError", "exception.message": "too far" }],
    ["exception", { "exception.message": "words" }],
    ["exception", { "exception.type": 7 }],
  ]);
});

Deno.test("a status of OK is final, unset changes nothing, and only errors have a message", () => {
  const { ERROR, OK, UNSET } = SpanStatusCode;
  const status = (...all: { code: SpanStatusCode; message?: string }[]) =>
    record((span) => all.forEach((each) => span.setStatus(each))).status;
  assert.deepEqual(status({ code: ERROR, message: "no" }, { code: UNSET }), {
    code: ERROR,
    message: "no",
  });
  assert.deepEqual(status({ code: OK, message: "yes" }, { code: ERROR }), { code: OK });
  assert.deepEqual(status({ code: ERROR }, { code: OK }), { code: OK });
});

Deno.test("a span does not change after its end", () => {
  const context = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 0 };
  const { name, end, attributes, events, links, status } = record((span) => {
    span.end();
    span.setAttribute("a", 1).setAttributes({ a: 1 }).addEvent("e").addLink({ context });
    span.setStatus({ code: SpanStatusCode.ERROR }).updateName("other");
    span.recordException("words");
    span.end(2000);
  });
  assert.deepEqual([name, end, attributes.size, events, links, status.code], [
    "GET",
    1000.5,
    0,
    undefined,
    undefined,
    SpanStatusCode.UNSET,
  ]);
});
