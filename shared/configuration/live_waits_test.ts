import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/log";
import { type Redis, RedisUnavailable } from "@edgepass/shared/redis";
import { createLiveConfiguration } from "./live.ts";

/** A configuration whose Redis answers as the test says, one reply for each question. */
function setup() {
  const clock = { now: 1_000_000 };
  const state: { ask: () => Promise<unknown> } = { ask: () => Promise.resolve(null) };
  const redis: Redis = { pipeline: async () => [await state.ask()] };
  const live = createLiveConfiguration({
    redis,
    initial: 0,
    read: (document) => Number((document as { value: unknown }).value),
    log: () => createLogger({ service: "test", sink: () => {} }),
    now: () => clock.now,
  });
  const answer = (version: number) => () =>
    Promise.resolve(JSON.stringify({ version, document: { value: version * 10 } }));
  return { clock, state, live, answer };
}

Deno.test("a fetch that its runtime dropped keeps nobody from the next", async () => {
  const { clock, state, live, answer } = setup();
  state.ask = () => new Promise(() => {});
  void live.observeVersion(1);
  state.ask = answer(1);
  clock.now += 2_000;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 10 });
});

Deno.test("a clock that is set back keeps no version from being asked for again", async () => {
  const { clock, state, live, answer } = setup();
  state.ask = () => Promise.reject(new RedisUnavailable("down"));
  await live.observeVersion(1);
  state.ask = answer(1);
  clock.now -= 3_600_000;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 10 });
});

Deno.test("an older version whose preparation took long does not take the newer one's place", async () => {
  const { clock, state, live, answer } = setup();
  const gate = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  live.prepare((value) => {
    if (value !== 10) return undefined;
    began.resolve();
    return gate.promise;
  });
  state.ask = answer(1);
  const older = live.observeVersion(1);
  await began.promise;
  state.ask = answer(2);
  clock.now += 2_000;
  await live.observeVersion(2);
  assert.deepEqual(live.current(), { version: 2, values: 20 });
  gate.resolve();
  await older;
  assert.deepEqual(live.current(), { version: 2, values: 20 });
});
