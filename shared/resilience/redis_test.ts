import assert from "node:assert/strict";
import { automaticPipelining, type Redis, RedisUnavailable } from "../redis/redis.ts";
import { defaultPolicy, toPolicy } from "./policy.ts";
import { redisWithBreaker } from "./decorators.ts";
import { createTestClock } from "../../tests/support/test_clock.ts";

function setup(minimumCalls = defaultPolicy.breaker.minimumCalls) {
  const clock = createTestClock();
  const policy = toPolicy({ breaker: { minimumCalls, openMs: 1_000 } });
  let trips = 0;
  let respond: () => Promise<readonly unknown[]> = () => Promise.resolve(["1"]);
  const client: Redis = {
    pipeline() {
      trips++;
      return respond();
    },
  };
  const redis = redisWithBreaker(client, { policy: () => policy, now: clock.now });
  const goAway = () => respond = () => Promise.reject(new RedisUnavailable("no reply"));
  const lag = () =>
    respond = () => Promise.reject(new RedisUnavailable("late", { hasLagged: true }));
  const comeBack = () => respond = () => Promise.resolve(["1"]);
  const hang = () => respond = () => new Promise(() => {});
  const call = (from: Redis = redis) => from.pipeline(() => {});
  return { call, clock, comeBack, goAway, hang, lag, redis, trips: () => trips };
}

/** Completes a probe in the background. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

Deno.test("[D02, F20] a Redis that is down is not called, and its callers fail at once", async () => {
  const { call, goAway, trips } = setup(5);
  goAway();
  for (let at = 0; at < 20; at++) await assert.rejects(call(), RedisUnavailable);
  assert.equal(trips(), 5);
});

Deno.test("[F20] time limits that passed while this process was blocked do not open the breaker", async () => {
  const { call, goAway, lag, trips } = setup(5);
  lag();
  for (let at = 0; at < 20; at++) await assert.rejects(call(), RedisUnavailable);
  assert.equal(trips(), 20);
  goAway();
  for (let at = 0; at < 20; at++) await assert.rejects(call(), RedisUnavailable);
  assert.equal(trips(), 25, "a failure of Redis itself counts");
});

Deno.test("[F24] a Redis that is down is probed once a second, and used again when it responds", async () => {
  const { call, clock, comeBack, goAway, trips } = setup(5);
  goAway();
  for (let tenth = 0; tenth < 100; tenth++) {
    await assert.rejects(call(), RedisUnavailable);
    clock.advance(100);
  }
  assert.ok(trips() <= 5 + 10, `${trips()}`);
  comeBack();
  clock.advance(1_000);
  await assert.rejects(
    call(),
    RedisUnavailable,
    "the caller that starts the probe does not wait for it",
  );
  await turns();
  assert.deepEqual(await call(), ["1"]);
});

Deno.test("[D02, F21] while a probe gets no response, no caller waits for it", async () => {
  const { call, clock, goAway, hang, trips } = setup(5);
  goAway();
  for (let at = 0; at < 5; at++) await assert.rejects(call(), RedisUnavailable);
  clock.advance(1_000);
  hang();
  for (let at = 0; at < 5; at++) await assert.rejects(call(), RedisUnavailable);
  assert.equal(trips(), 6);
});

Deno.test("a command that cannot be built does not count against Redis", async () => {
  const { clock } = setup();
  const policy = toPolicy({ breaker: { minimumCalls: 1 } });
  const client: Redis = {
    pipeline: async (build) => {
      build(undefined as never);
      return await Promise.resolve(["1"]);
    },
  };
  const redis = redisWithBreaker(client, { policy: () => policy, now: clock.now });
  await assert.rejects(
    redis.pipeline(() => {
      throw new TypeError("no such command");
    }),
    TypeError,
  );
  // Nor later: a call that is never settled would count as slow.
  clock.advance(policy.breaker.slowCallMs ?? policy.timeoutMs);
  assert.deepEqual(await redis.pipeline(() => {}), ["1"]);
});

Deno.test("callers that share a round trip count once", async () => {
  const { call, comeBack, goAway, redis, trips } = setup(3);
  const pipelined = automaticPipelining(redis, { maxWaitMs: 3_600_000 });
  goAway();
  const all = Array.from({ length: 50 }, () => call(pipelined));
  for (const one of await Promise.allSettled(all)) assert.equal(one.status, "rejected");
  assert.equal(trips(), 2, "the first alone, the others together");
  comeBack();
  assert.deepEqual(await call(pipelined), ["1"]);
});
