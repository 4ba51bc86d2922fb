import assert from "node:assert/strict";
import { createClock } from "./tracer.ts";

function setup() {
  const time = { wall: 1_000_000, steady: 0 };
  const now = createClock({
    wall: () => time.wall,
    steady: () => time.steady,
    origin: 1_000_000.25,
  });
  const advance = (ms: number) => {
    time.wall += ms;
    time.steady += ms;
  };
  return { time, now, advance };
}

Deno.test("the clock returns fractions of milliseconds", () => {
  const { now, advance } = setup();
  advance(0.5);
  assert.equal(now(), 1_000_000.75);
});

Deno.test("the clock follows its steady source while the two are close", () => {
  const { time, now, advance } = setup();
  assert.equal(now(), 1_000_000.25);
  advance(5_000);
  time.wall += 15;
  assert.equal(now(), 1_005_000.25);
});

Deno.test("the clock follows the wall clock after a sleep that the steady source did not count", () => {
  const { time, now, advance } = setup();
  now();
  time.wall += 3_600_000;
  advance(2_000);
  assert.equal(now(), time.wall);
  advance(10.5);
  assert.equal(now(), time.wall);
});

Deno.test("the clock of this runtime is near the wall clock", () => {
  assert(Math.abs(createClock()() - Date.now()) < 50);
});
