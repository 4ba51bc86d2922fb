import assert from "node:assert/strict";
import { createRandomHex } from "./tracer.ts";

Deno.test("ids are lower-case hex, never all zero, and unique", () => {
  const randomHex = createRandomHex();
  const ids = Array.from({ length: 3_000 }, (_, at) => randomHex(at % 3 === 0 ? 16 : 8));
  for (const [at, id] of ids.entries()) {
    assert.match(id, at % 3 === 0 ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{16}$/);
    assert.doesNotMatch(id, /^0+$/);
  }
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("all but one bit of an id's eight bytes vary", () => {
  const randomHex = createRandomHex();
  let ones = 0n;
  let zeros = 0n;
  for (let count = 0; count < 1_000; count++) {
    const bits = BigInt(`0x${randomHex(8)}`);
    ones |= bits;
    zeros |= ~bits;
  }
  assert.equal(BigInt.asUintN(64, ones), 0xffffffffffffffffn);
  assert.equal(BigInt.asUintN(64, zeros), 0x7fffffffffffffffn);
});
