import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandomHex, isSampled } from "./tracer.ts";

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((all) => all.toHex());

Deno.test("a trace is sampled by the low 56 bits of its id alone, the same in every program", () => {
  fc.assert(fc.property(hex(9), hex(9), hex(7), ratio, (one, other, random, share) => {
    assert.equal(isSampled(one + random, share), isSampled(other + random, share));
  }));
});

Deno.test("a greater ratio includes every trace of a smaller one", () => {
  fc.assert(fc.property(hex(16), ratio, ratio, (traceId, one, other) => {
    const [less, more] = [Math.min(one, other), Math.max(one, other)];
    assert(!isSampled(traceId, less) || isSampled(traceId, more));
  }));
});

Deno.test("the threshold is the one of consistent probability sampling", () => {
  const withRandomness = (random: string) => `${"f".repeat(18)}${random}`;
  assert.equal(isSampled(withRandomness("80000000000000"), 0.5), true);
  assert.equal(isSampled(withRandomness("7fffffffffff00"), 0.5), false);
  assert.equal(isSampled(withRandomness("c0000000000000"), 0.25), true);
  assert.equal(isSampled(withRandomness("bfffffffffff00"), 0.25), false);
});

Deno.test("a ratio of 0 samples nothing and one of 1 samples everything", () => {
  for (const random of ["00000000000000", "ffffffffffffff"]) {
    assert.equal(isSampled(`${"0".repeat(18)}${random}`, 0), false);
    assert.equal(isSampled(`${"0".repeat(18)}${random}`, 1), true);
  }
});

Deno.test("the share of sampled traces is near the ratio", () => {
  const randomHex = createRandomHex();
  const total = 20_000;
  for (const share of [0.01, 0.1, 0.5]) {
    const sampled = Array.from({ length: total }, () => randomHex(16))
      .filter((traceId) => isSampled(traceId, share)).length;
    // Six standard deviations: once in half a billion runs by chance.
    const tolerance = 6 * Math.sqrt(total * share * (1 - share));
    assert(Math.abs(sampled - total * share) < tolerance, `${sampled} of ${total} at ${share}`);
  }
});
