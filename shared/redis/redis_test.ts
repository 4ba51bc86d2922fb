import assert from "node:assert/strict";
import { Redis as UpstashClient } from "@upstash/redis";
import fc from "fast-check";
import { within } from "../../tests/support/wait.ts";
import {
  automaticPipelining,
  type AutomaticPipeliningOptions,
  type Redis,
  type RedisPipeline,
  RedisUnavailable,
} from "./redis.ts";

/** Builds commands like the official client; nothing is sent. */
const client = new UpstashClient({
  url: "http://redis.invalid",
  token: "t",
  enableTelemetry: false,
  enableAutoPipelining: false,
});

interface Trip {
  readonly commands: number;
  /** Returns: each reply is the position of its command in the round trip, by its key. */
  arrive(): void;
  fail(error: unknown): void;
}

/** A Redis whose round trips end when the test decides. */
function setup(options: AutomaticPipeliningOptions = {}) {
  const trips: Trip[] = [];
  const begun: (() => void)[] = [];
  const redis: Redis = {
    pipeline(build) {
      const keys: string[] = [];
      build(recorder(keys));
      const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
      trips.push({
        commands: keys.length,
        arrive: () => resolve(keys.map((key) => `value of ${key}`)),
        fail: reject,
      });
      for (const notify of begun.splice(0)) notify();
      return promise;
    },
  };
  const nextTrip = () =>
    within("another round trip begins", new Promise<void>((resolve) => begun.push(resolve)));
  return { pipelined: automaticPipelining(redis, options), trips, nextTrip };
}

/** A pipeline that records the keys of its `get`s. */
function recorder(keys: string[]): RedisPipeline {
  const pipeline = client.pipeline();
  const get = pipeline.get.bind(pipeline);
  return Object.assign(pipeline, {
    get: (key: string) => {
      keys.push(key);
      return get(key);
    },
  });
}

const get = (redis: Redis, ...keys: string[]) =>
  redis.pipeline((pipeline) => {
    for (const key of keys) pipeline.get(key);
  });
const valuesOf = (...keys: string[]) => keys.map((key) => `value of ${key}`);

/** Far longer than any test runs. */
const never = 3_600_000;

Deno.test("the first caller's round trip is sent at once and alone", async () => {
  const { pipelined, trips } = setup();
  const first = get(pipelined, "a", "b");
  assert.deepEqual(trips.map(({ commands }) => commands), [2]);
  trips[0]?.arrive();
  assert.deepEqual(await first, valuesOf("a", "b"));
});

/** Deno checks for leaked timers only with these options. */
const watched = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "callers during a round trip share the next one, each with their own replies",
  watched,
  async () => {
    const { pipelined, trips, nextTrip } = setup({ maxWaitMs: never });
    const first = get(pipelined, "a");
    const others = [get(pipelined, "b", "c"), get(pipelined), get(pipelined, "d")];
    assert.equal(trips.length, 1);
    const second = nextTrip();
    trips[0]?.arrive();
    await second;
    assert.deepEqual(trips.map(({ commands }) => commands), [1, 3]);
    trips[1]?.arrive();
    assert.deepEqual(await first, valuesOf("a"));
    assert.deepEqual(await Promise.all(others), [valuesOf("b", "c"), [], valuesOf("d")]);
  },
);

Deno.test("a slow round trip delays other callers for maxWaitMs and no longer", async () => {
  const { pipelined, trips, nextTrip } = setup({ maxWaitMs: 1 });
  const slow = get(pipelined, "a");
  const waiting = get(pipelined, "b");
  assert.equal(trips.length, 1);
  // Only the timer can send this one: the first round trip has not ended.
  await nextTrip();
  trips[1]?.arrive();
  assert.deepEqual(await waiting, valuesOf("b"));
  trips[0]?.arrive();
  assert.deepEqual(await slow, valuesOf("a"));
});

Deno.test("no round trip has more than maxCallers callers", async () => {
  const { pipelined, trips } = setup({ maxWaitMs: never, maxCallers: 10 });
  const all = Array.from({ length: 101 }, (_, at) => get(pipelined, `k${at}`));
  assert.equal(trips.length, 11);
  assert.ok(trips.every(({ commands }) => commands <= 10));
  for (const { arrive } of trips) arrive();
  assert.deepEqual(await Promise.all(all), all.map((_, at) => valuesOf(`k${at}`)));
});

Deno.test("a failure reaches all callers of its round trip and no others", async () => {
  const { pipelined, trips, nextTrip } = setup({ maxWaitMs: never });
  const first = get(pipelined, "a");
  const shared = ["b", "c"].map((key) => get(pipelined, key));
  const second = nextTrip();
  trips[0]?.arrive();
  await second;
  const later = get(pipelined, "d");
  const third = nextTrip();
  trips[1]?.fail(new RedisUnavailable("no reply"));
  for (const caller of shared) await assert.rejects(caller, RedisUnavailable);
  await third;
  trips[2]?.arrive();
  assert.deepEqual([await first, await later], [valuesOf("a"), valuesOf("d")]);
});

Deno.test("a caller whose commands cannot be built fails its round trip and not the next", async () => {
  const { pipelined, trips } = setup();
  const broken = pipelined.pipeline(() => {
    throw new TypeError("no such command");
  });
  await assert.rejects(broken, TypeError);
  const next = within("the next round trip ends", get(pipelined, "a"));
  trips[0]?.arrive();
  assert.deepEqual(await next, valuesOf("a"));
});

Deno.test("in any order of arrivals and endings, each caller gets its own replies or its round trip's failure", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("call" as const), commands: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant("end" as const), which: fc.nat(), fails: fc.boolean() }),
    fc.constant({ kind: "turn" as const }),
  );
  await fc.assert(fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    fc.integer({ min: 1, max: 5 }),
    async (steps, maxCallers) => {
      const { pipelined, trips } = setup({ maxWaitMs: never, maxCallers });
      const open: Trip[] = [];
      let seen = 0;
      const callers: Promise<void>[] = [];
      const collect = () => open.push(...trips.slice(seen, seen = trips.length));
      const end = (trip: Trip | undefined, fails: boolean) =>
        fails ? trip?.fail(new RedisUnavailable("down")) : trip?.arrive();
      for (const [at, one] of steps.entries()) {
        if (one.kind === "call") {
          const keys = Array.from({ length: one.commands }, (_, index) => `${at}:${index}`);
          callers.push(
            get(pipelined, ...keys).then(
              (replies) => assert.deepEqual(replies, valuesOf(...keys)),
              (error) => assert.ok(error instanceof RedisUnavailable),
            ),
          );
        } else if (one.kind === "turn") await Promise.resolve();
        else if (open.length > 0) end(open.splice(one.which % open.length, 1)[0], one.fails);
        collect();
      }
      // The end of a round trip starts the next one, some microtasks later.
      const settled = Promise.all(callers).then(() => true);
      for (let round = 0; !(await Promise.race([settled, turns(10)])); round++) {
        assert.ok(round < 1_000, "a caller still waits, and no round trip is pending");
        collect();
        for (const trip of open.splice(0)) trip.arrive();
      }
    },
  ));
});

async function turns(count: number): Promise<false> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
  return false;
}
