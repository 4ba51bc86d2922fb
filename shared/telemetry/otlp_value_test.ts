import assert from "node:assert/strict";
import fc from "fast-check";
import { toAnyValue, toNanos } from "./otlp.ts";

Deno.test("numbers that JSON lacks, and integers too large for it, keep their meaning", () => {
  assert.deepEqual([Number.NaN, Infinity, -Infinity, 2 ** 60, -3, 1.5].map(toAnyValue), [
    { doubleValue: "NaN" },
    { doubleValue: "Infinity" },
    { doubleValue: "-Infinity" },
    { doubleValue: 2 ** 60 },
    { intValue: "-3" },
    { doubleValue: 1.5 },
  ]);
});

Deno.test("nanoseconds are whole, and never more than a microsecond off", () => {
  fc.assert(fc.property(fc.double({ min: 1, max: 4e12, noNaN: true }), (ms) => {
    const nanos = toNanos(ms);
    assert.match(nanos, /^[1-9]\d*$/);
    const [whole, fraction] = [Number(nanos.slice(0, -6)), Number(nanos.slice(-6)) / 1e6];
    assert(Math.abs(whole + fraction - ms) < 0.001);
  }));
});
