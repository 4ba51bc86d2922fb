import assert from "node:assert/strict";
import { beginTimeBudget } from "./upstash.ts";

/** A budget on a clock that the test controls; a blocked event loop delays its timers. */
function setup({ budgetMs = 150, maxMs = 500 } = {}) {
  let now = 0;
  let timer: { readonly at: number; readonly run: () => void } | undefined;
  const budget = beginTimeBudget({ budgetMs, maxMs }, {
    now: () => now,
    after(ms, run) {
      const own = timer = { at: now + ms, run };
      return () => timer = timer === own ? undefined : timer;
    },
  });
  /** Time passes while the event loop runs. */
  function pass(ms: number): void {
    for (const until = now + ms; now < until;) {
      now = Math.min(until, timer && timer.at > now ? timer.at : until);
      turn();
    }
  }
  function turn(): void {
    if (!timer || timer.at > now) return;
    const { run } = timer;
    timer = undefined;
    run();
  }
  /** Time passes while the event loop is blocked. */
  function standStill(ms: number): void {
    now += ms;
    turn();
  }
  return {
    budget,
    pass,
    standStill,
    isOver: () => budget.signal.aborted,
    hasTimer: () => timer !== undefined,
  };
}

Deno.test("[D02] without event loop lag a budget ends when it is used up, and not before", () => {
  const { pass, isOver, hasTimer } = setup();
  pass(149);
  assert.equal(isOver(), false);
  pass(1);
  assert.equal(isOver(), true);
  assert.equal(hasTimer(), false);
});

Deno.test("[F20] time in which the event loop was blocked does not use up the budget", () => {
  const { pass, standStill, isOver } = setup();
  pass(50);
  // The slice that was due after 10 ms ends 100 ms late.
  standStill(110);
  pass(89);
  assert.equal(isOver(), false);
  pass(1);
  assert.equal(isOver(), true);
});

Deno.test("[F20] after a block until the end the event loop gets one chance to read a reply", () => {
  const { pass, standStill, isOver } = setup();
  pass(145);
  standStill(125);
  assert.equal(isOver(), false, "a reply may have arrived unread");
  // The last chance is late too, and stays the last.
  standStill(40);
  assert.equal(isOver(), true);
});

Deno.test("[F20] event loop lag extends a budget to its maximum and never further", () => {
  const { standStill, pass, isOver } = setup();
  for (let at = 0; at < 6; at++) standStill(80);
  assert.equal(isOver(), false, "480 ms have passed");
  pass(19);
  assert.equal(isOver(), false);
  pass(1);
  assert.equal(isOver(), true);
});

Deno.test("[F20] after a block longer than the maximum, too, the event loop gets one chance to read a reply", () => {
  const { pass, standStill, isOver } = setup();
  standStill(700);
  assert.equal(isOver(), false, "a reply may have arrived unread");
  pass(10);
  assert.equal(isOver(), true);
});

Deno.test("a budget above the maximum is not shortened by it", () => {
  const { pass, isOver } = setup({ budgetMs: 1_000 });
  pass(999);
  assert.equal(isOver(), false);
  pass(1);
  assert.equal(isOver(), true);
});

Deno.test("a finished call leaves no timer and is never aborted", () => {
  const { budget, pass, isOver, hasTimer } = setup();
  pass(60);
  budget.end();
  assert.equal(hasTimer(), false);
  pass(1_000);
  assert.equal(isOver(), false);
});

Deno.test("[F20] a process has lagged when its timers were late for as long as the budget", () => {
  const blocked = setup();
  blocked.pass(50);
  assert.equal(blocked.budget.hasLagged(), false);
  blocked.standStill(160);
  assert.equal(blocked.budget.hasLagged(), true);
});

Deno.test("[D02, F21] timers that are a little late are no excuse for a Redis that hangs", () => {
  const { budget, standStill, isOver } = setup();
  // Every slice of 10 ms ends 6 ms late, as under a flood of requests.
  for (let at = 0; at < 15; at++) standStill(16);
  standStill(16);
  assert.equal(isOver(), true);
  assert.equal(budget.hasLagged(), false);
});
