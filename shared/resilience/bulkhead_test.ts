import assert from "node:assert/strict";
import { createBulkhead } from "./limits.ts";
import { createTestClock } from "../../tests/support/test_clock.ts";

function setup(limit: number) {
  const clock = createTestClock();
  const inForce = { limit };
  const maxConcurrent = () => inForce.limit;
  return {
    bulkhead: createBulkhead({ maxConcurrent, leaseMs: 1000, now: clock.now }),
    clock,
    inForce,
  };
}

Deno.test("a bulkhead refuses calls beyond its limit at once, and has room again after a release", () => {
  const { bulkhead } = setup(2);
  const [first] = [bulkhead.enter(), bulkhead.enter()];
  assert.equal(bulkhead.enter(), undefined);
  first?.release();
  first?.release();
  assert.ok(bulkhead.enter());
  assert.equal(bulkhead.enter(), undefined, "a second release has no effect");
});

Deno.test("the slot of a request that was stopped without a release is free again in time", () => {
  const { bulkhead, clock } = setup(1);
  bulkhead.enter();
  clock.advance(999);
  assert.equal(bulkhead.enter(), undefined);
  clock.advance(1);
  assert.ok(bulkhead.enter());
});

Deno.test("a changed limit applies to the next call", () => {
  const { bulkhead, inForce } = setup(1);
  bulkhead.enter();
  inForce.limit = 2;
  assert.ok(bulkhead.enter());
  inForce.limit = 1;
  assert.equal(bulkhead.enter(), undefined);
});
