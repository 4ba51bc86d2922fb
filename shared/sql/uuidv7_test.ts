import assert from "node:assert/strict";
import fc from "fast-check";
import { uuidv7 } from "./uuidv7.ts";

Deno.test("uuidv7 has its time, version and variant where RFC 9562 §5.7 puts them", () => {
  const times = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(fc.property(times, (now) => {
    const id = uuidv7(now);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(id.slice(0, 13).replace("-", ""), 16), now);
  }));
});

Deno.test("uuidv7 sorts by time and differs within a moment", () => {
  const now = 1_800_000_000_000;
  assert.ok(uuidv7(now) < uuidv7(now + 1));
  assert.equal(new Set(Array.from({ length: 1000 }, () => uuidv7(now))).size, 1000);
  assert.throws(() => uuidv7(0.5), RangeError);
});

Deno.test("every variant of uuidv7 occurs, so no random bit is lost", () => {
  const digits = new Set(Array.from({ length: 500 }, () => uuidv7()[19]));
  assert.deepEqual([...digits].sort(), ["8", "9", "a", "b"]);
});
