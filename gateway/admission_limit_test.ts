import assert from "node:assert/strict";
import { createAdmissionLimit, type Slot } from "./admission.ts";

function setup() {
  let at = 0;
  let used = 0;
  const processorMs = () => used;
  const limit = createAdmissionLimit({ budgetMs: 100, processorMs, now: () => at });
  /** Time passes; the instance uses its processor unless it is idle. */
  const pass = (ms: number, { isIdle = false } = {}) => {
    at += ms;
    if (!isIdle) used += ms;
  };
  /** Fills the limit; one more request waits, and ends as soon as it gets its slot. */
  const fill = (): Slot[] => {
    const turns: Slot[] = [];
    for (;;) {
      const entered = limit.enter();
      if (typeof entered === "function") turns.push(entered);
      else {
        void entered?.then((end) => end());
        return turns;
      }
    }
  };
  return { limit, pass, fill };
}

/** Runs full rounds of this duration each, and returns how many requests the last one admitted. */
async function rounds(
  { pass, fill }: ReturnType<typeof setup>,
  count: number,
  ms: number,
  options?: { isIdle: boolean },
): Promise<number> {
  let admitted = 0;
  for (let round = 0; round < count; round++) {
    const turns = fill();
    admitted = turns.length;
    pass(ms, options);
    for (const end of turns) end();
    // The request that waited gets its slot and releases it.
    await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => resolve(0))));
  }
  return admitted;
}

Deno.test("a limit that is reached grows while decisions are quick", async () => {
  const environment = setup();
  const first = await rounds(environment, 1, 1);
  assert.equal(first, 32);
  assert.ok(await rounds(environment, 20, 1) > first);
});

Deno.test("[F72] a limit falls where decisions take long and the instance is busy", async () => {
  const environment = setup();
  const before = await rounds(environment, 100, 2);
  assert.ok(before > 60, String(before));
  assert.ok(await rounds(environment, 6, 60) < before);
  const after = await rounds(environment, 50, 60);
  assert.ok(after >= 32 && after < 40, `${after}: the minimum is always admitted`);
});

Deno.test("a slow or hanging Redis does not lower the limit", async () => {
  const environment = setup();
  await rounds(environment, 20, 80);
  const before = await rounds(environment, 1, 1);
  const after = await rounds(environment, 20, 150, { isIdle: true });
  assert.ok(after > before, `${before}, then ${after}`);
});

Deno.test("requests above the limit get a free slot in the order of their arrival", async () => {
  const { limit, fill } = setup();
  const turns = fill();
  const order: string[] = [];
  const waiting = ["a", "b"].map(async (name) => {
    const end = await limit.enter();
    order.push(name);
    end?.();
  });
  turns.forEach((end) => end());
  await Promise.all(waiting);
  assert.deepEqual(order, ["a", "b"]);
});

Deno.test("[F72] a queue whose first request has waited for half a second admits no other", async () => {
  const { limit, pass, fill } = setup();
  const turns = fill();
  const first = limit.enter();
  pass(500);
  const second = limit.enter();
  pass(1);
  assert.equal(limit.enter(), undefined);
  turns.forEach((end) => end());
  for (const end of [await first, await second]) end?.();
  assert.equal(typeof limit.enter(), "function");
});

Deno.test("a slot is released once, however often it is called", () => {
  const { limit } = setup();
  const [first, ...others] = Array.from({ length: 32 }, () => limit.enter());
  const end = (one: typeof first): void => {
    if (typeof one === "function") one();
  };
  end(first);
  end(first);
  const entered = Array.from({ length: 10 }, () => limit.enter());
  // Its own slot, and the one that a quick decision has added.
  assert.equal(entered.filter((one) => typeof one === "function").length, 2);
  others.forEach(end);
});

Deno.test("[F72] the queue has a maximum length", async () => {
  const { limit, fill } = setup();
  const turns = fill();
  const waiting: Promise<void>[] = [];
  for (let entered = limit.enter(); entered && waiting.length < 1_000;) {
    waiting.push(Promise.resolve(entered).then((end) => end()));
    entered = limit.enter();
  }
  assert.ok(waiting.length > 200 && waiting.length <= 256, String(waiting.length));
  turns.forEach((end) => end());
  await Promise.all(waiting);
  assert.equal(typeof limit.enter(), "function");
});
