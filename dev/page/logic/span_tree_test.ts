import assert from "node:assert/strict";
import fc from "fast-check";
import type { Span } from "../api_types.ts";
import { extentOf, toSpanRows, toTicks } from "./span_tree.ts";

function span(spanId: string, parentId: string | null, start: number, durationMs = 1): Span {
  return {
    spanId,
    parentId,
    name: spanId,
    kind: "internal",
    service: "gateway",
    start,
    durationMs,
    status: "unset",
    attributes: {},
    events: [],
    links: [],
  };
}

const spans = [span("c", "b", 4), span("d", "a", 2), span("b", "a", 3), span("a", null, 1)];
const outline = (rows: ReturnType<typeof toSpanRows>) =>
  rows.map(({ span, level }) => `${level}${span.spanId}`);

Deno.test("callers come before those they call, siblings by start", () => {
  assert.deepEqual(outline(toSpanRows(spans)), ["1a", "2d", "2b", "3c"]);
  const [, , b] = toSpanRows(spans);
  assert.deepEqual([b?.position, b?.siblings, b?.children], [2, 2, 1]);
});

Deno.test("the calls of a collapsed span are hidden", () => {
  assert.deepEqual(outline(toSpanRows(spans, new Set(["b"]))), ["1a", "2d", "2b"]);
  assert.deepEqual(outline(toSpanRows(spans, new Set(["a"]))), ["1a"]);
});

Deno.test("a span whose caller is elsewhere is at the top", () => {
  assert.deepEqual(outline(toSpanRows([span("x", "elsewhere", 1)])), ["1x"]);
});

Deno.test("every span is shown once, even with a circle of parents", () => {
  const ids = ["a", "b", "c", "d", "e"];
  const parents = fc.array(fc.constantFrom(null, "elsewhere", ...ids), {
    minLength: ids.length,
    maxLength: ids.length,
  });
  fc.assert(fc.property(parents, (callers) => {
    const all = ids.map((id, at) => span(id, callers[at] ?? null, at));
    const shown = toSpanRows(all).map((row) => row.span.spanId);
    assert.deepEqual(shown.toSorted(), ids);
  }));
});

Deno.test("a trace reaches from its first start to its last end", () => {
  assert.deepEqual(extentOf([span("a", null, 10, 5), span("b", "a", 12, 8)]), {
    start: 10,
    durationMs: 10,
  });
  assert.equal(extentOf([span("a", null, 10, 0)]).durationMs, 0.1);
});

Deno.test("ticks are round, begin at 0, and are at most five", () => {
  assert.deepEqual(toTicks(41.3), [0, 20, 40]);
  assert.deepEqual(toTicks(4), [0, 1, 2, 3, 4]);
  assert.deepEqual(toTicks(0.9).map((tick) => tick.toFixed(1)), ["0.0", "0.5"]);
  fc.assert(fc.property(fc.double({ min: 0.1, max: 1e6, noNaN: true }), (durationMs) => {
    const ticks = toTicks(durationMs);
    assert.ok(ticks.length >= 2 && ticks.length <= 5, String(ticks));
    assert.ok((ticks.at(-1) ?? 0) <= durationMs);
  }));
});
