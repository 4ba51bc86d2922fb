import assert from "node:assert/strict";
import { within } from "../../tests/support/wait.ts";
import { createReload } from "./reload.ts";

function setup() {
  const state = { now: 1_000_000, loads: 0, answer: true };
  let release = (): void => {};
  let isHeld = false;
  const reload = createReload(async () => {
    state.loads++;
    if (isHeld) await new Promise<void>((resolve) => release = resolve);
    return state.answer;
  }, { now: () => state.now });
  return { state, reload, hold: () => void (isHeld = true), release: () => release() };
}

Deno.test("a reload runs once in 30 s, whoever asks", async () => {
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

Deno.test("a reload that got no answer is repeated after a second", async () => {
  const { state, reload } = setup();
  state.answer = false;
  await reload();
  state.now += 999;
  await reload();
  assert.equal(state.loads, 1);
  state.now += 1;
  state.answer = true;
  await reload();
  assert.equal(state.loads, 2);
  state.now += 1_000;
  await reload();
  assert.equal(state.loads, 2);
});

Deno.test("a clock that is set back does not silence reloads", async () => {
  const { state, reload } = setup();
  await reload();
  state.now -= 3_600_000;
  await reload();
  assert.equal(state.loads, 2);
});

Deno.test("who comes while a reload runs waits for its end and starts no other", async () => {
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

Deno.test("a reload that never ends is waited for, but not for ever, and not in place of the next", async () => {
  const { state, reload, hold, release } = setup();
  hold();
  await within("who waited goes on", Promise.all([reload(), reload()]));
  assert.equal(state.loads, 1);
  // Long after it no retry is too early, and the one that never ended stands in nobody's way.
  state.now += 30_000;
  const next = reload();
  assert.equal(state.loads, 2);
  release();
  await within("the next one ends", next);
});
