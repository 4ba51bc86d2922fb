import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import { createReload } from "./keys.ts";

function setup() {
  const state = { now: 1_000_000, loads: 0, loaded: true };
  let release = (): void => {};
  let isHeld = false;
  const reload = createReload(async () => {
    state.loads++;
    if (isHeld) await new Promise<void>((resolve) => release = resolve);
    return state.loaded;
  }, { now: () => state.now });
  return { state, reload, hold: () => void (isHeld = true), release: () => release() };
}

Deno.test("a reload runs once in 30 s for all callers", async () => {
  const { state, reload } = setup();
  for (let at = 0; at < 5; at++) await reload();
  assert.equal(state.loads, 1);
  state.now += 29_999;
  await reload();
  assert.equal(state.loads, 1);
  state.now += 1;
  await reload();
  assert.equal(state.loads, 2);
});

Deno.test("a failed reload is repeated after a second", async () => {
  const { state, reload } = setup();
  state.loaded = false;
  await reload();
  state.now += 999;
  await reload();
  assert.equal(state.loads, 1);
  state.now += 1;
  state.loaded = true;
  await reload();
  assert.equal(state.loads, 2);
  state.now += 1_000;
  await reload();
  assert.equal(state.loads, 2);
});

Deno.test("a clock that is set back does not suppress reloads", async () => {
  const { state, reload } = setup();
  await reload();
  state.now -= 3_600_000;
  await reload();
  assert.equal(state.loads, 2);
});

Deno.test("a call during a reload waits for its end and starts no other", async () => {
  const { state, reload, hold, release } = setup();
  hold();
  let over = 0;
  const waiting = Array.from({ length: 3 }, () => reload().then(() => over++));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([state.loads, over], [1, 0]);
  release();
  await Promise.all(waiting);
  assert.deepEqual([state.loads, over], [1, 3]);
});

Deno.test("callers wait for a reload that never ends for a limited time, and it does not block the next", async () => {
  const { state, reload, hold, release } = setup();
  hold();
  await within("the callers continue", Promise.all([reload(), reload()]));
  assert.equal(state.loads, 1);
  // Long after it a retry is allowed, and the reload that never ended does not block it.
  state.now += 30_000;
  const next = reload();
  assert.equal(state.loads, 2);
  release();
  await within("the next one ends", next);
});
