import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/context";
import { type Redis, RedisUnavailable } from "@edgepass/shared/redis";
import { createLiveConfiguration } from "./live.ts";

/** A configuration whose Redis replies as the test defines, one reply per query. */
function setup() {
  const clock = { now: 1_000_000 };
  const state: { query: () => Promise<unknown> } = { query: () => Promise.resolve(null) };
  const redis: Redis = { pipeline: async () => [await state.query()] };
  const live = createLiveConfiguration({
    redis,
    initial: 0,
    read: (document) => Number((document as { value: unknown }).value),
    log: () => createLogger({ service: "test", sink: () => {} }),
    now: () => clock.now,
  });
  const reply = (version: number) => () =>
    Promise.resolve(JSON.stringify({ version, document: { value: version * 10 } }));
  return { clock, state, live, reply };
}

Deno.test("a fetch that the runtime canceled does not prevent the next one", async () => {
  const { clock, state, live, reply } = setup();
  state.query = () => new Promise(() => {});
  void live.observeVersion(1);
  state.query = reply(1);
  clock.now += 2_000;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 10 });
});

Deno.test("a clock that is set back does not prevent a version from being fetched again", async () => {
  const { clock, state, live, reply } = setup();
  state.query = () => Promise.reject(new RedisUnavailable("down"));
  await live.observeVersion(1);
  state.query = reply(1);
  clock.now -= 3_600_000;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 10 });
});

Deno.test("an older version with a slow preparation does not replace the newer one", async () => {
  const { clock, state, live, reply } = setup();
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  live.prepare((value) => {
    if (value !== 10) return undefined;
    entered.resolve();
    return gate.promise;
  });
  state.query = reply(1);
  const older = live.observeVersion(1);
  await entered.promise;
  state.query = reply(2);
  clock.now += 2_000;
  await live.observeVersion(2);
  assert.deepEqual(live.current(), { version: 2, values: 20 });
  gate.resolve();
  await older;
  assert.deepEqual(live.current(), { version: 2, values: 20 });
});
