import assert from "node:assert/strict";
import { Redis as UpstashClient } from "@upstash/redis";
import fc from "fast-check";
import { within } from "../../tests/support/wait.ts";
import { automaticPipelining, type AutomaticPipeliningOptions } from "./automatic_pipelining.ts";
import { type Redis, type RedisPipeline, RedisUnavailable } from "./redis.ts";

/** Builds commands as the official client does; nothing is ever sent. */
const client = new UpstashClient({
  url: "http://redis.invalid",
  token: "t",
  enableTelemetry: false,
  enableAutoPipelining: false,
});

interface Trip {
  readonly commands: number;
  /** Gets back: each reply is the command's place in the trip, by way of its key. */
  arrive(): void;
  fail(error: unknown): void;
}

/** A Redis whose round trips end when the test says so. */
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
      for (const tell of begun.splice(0)) tell();
      return promise;
    },
  };
  const nextTrip = () =>
    within("another trip begins", new Promise<void>((resolve) => begun.push(resolve)));
  return { pipelined: automaticPipelining(redis, options), trips, nextTrip };
}

/** A pipeline that keeps the keys of its `get`s. */
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

const ask = (redis: Redis, ...keys: string[]) =>
  redis.pipeline((pipeline) => {
    for (const key of keys) pipeline.get(key);
  });
const valuesOf = (...keys: string[]) => keys.map((key) => `value of ${key}`);

/** Far longer than any test runs. */
const never = 3_600_000;

Deno.test("who comes first travels at once and alone", async () => {
  const { pipelined, trips } = setup();
  const first = ask(pipelined, "a", "b");
  assert.deepEqual(trips.map(({ commands }) => commands), [2]);
  trips[0]?.arrive();
  assert.deepEqual(await first, valuesOf("a", "b"));
});

/** Deno looks for timers that are left only where it is told to. */
const watched = { sanitizeOps: true, sanitizeResources: true };

Deno.test(
  "who comes meanwhile shares the next trip, each with their own replies",
  watched,
  async () => {
    const { pipelined, trips, nextTrip } = setup({ maxWaitMs: never });
    const first = ask(pipelined, "a");
    const others = [ask(pipelined, "b", "c"), ask(pipelined), ask(pipelined, "d")];
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

Deno.test("a trip that takes its time holds others up for maxWaitMs and no longer", async () => {
  const { pipelined, trips, nextTrip } = setup({ maxWaitMs: 1 });
  const slow = ask(pipelined, "a");
  const waiting = ask(pipelined, "b");
  assert.equal(trips.length, 1);
  // Nothing but the clock can begin this one: the first trip is not back.
  await nextTrip();
  trips[1]?.arrive();
  assert.deepEqual(await waiting, valuesOf("b"));
  trips[0]?.arrive();
  assert.deepEqual(await slow, valuesOf("a"));
});

Deno.test("no trip has more than maxCallers, however many come at once", async () => {
  const { pipelined, trips } = setup({ maxWaitMs: never, maxCallers: 10 });
  const all = Array.from({ length: 101 }, (_, at) => ask(pipelined, `k${at}`));
  assert.equal(trips.length, 11);
  assert.ok(trips.every(({ commands }) => commands <= 10));
  for (const { arrive } of trips) arrive();
  assert.deepEqual(await Promise.all(all), all.map((_, at) => valuesOf(`k${at}`)));
});

Deno.test("a failure reaches all callers of its trip and nobody else", async () => {
  const { pipelined, trips, nextTrip } = setup({ maxWaitMs: never });
  const first = ask(pipelined, "a");
  const shared = ["b", "c"].map((key) => ask(pipelined, key));
  const second = nextTrip();
  trips[0]?.arrive();
  await second;
  const later = ask(pipelined, "d");
  const third = nextTrip();
  trips[1]?.fail(new RedisUnavailable("no reply"));
  for (const caller of shared) await assert.rejects(caller, RedisUnavailable);
  await third;
  trips[2]?.arrive();
  assert.deepEqual([await first, await later], [valuesOf("a"), valuesOf("d")]);
});

Deno.test("a caller whose commands cannot be built fails its trip and not the next", async () => {
  const { pipelined, trips } = setup();
  const broken = pipelined.pipeline(() => {
    throw new TypeError("no such command");
  });
  await assert.rejects(broken, TypeError);
  const next = within("the next trip is back", ask(pipelined, "a"));
  trips[0]?.arrive();
  assert.deepEqual(await next, valuesOf("a"));
});

Deno.test("whatever the arrivals and endings, each caller gets its own replies or its trip's failure", async () => {
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
            ask(pipelined, ...keys).then(
              (replies) => assert.deepEqual(replies, valuesOf(...keys)),
              (error) => assert.ok(error instanceof RedisUnavailable),
            ),
          );
        } else if (one.kind === "turn") await Promise.resolve();
        else if (open.length > 0) end(open.splice(one.which % open.length, 1)[0], one.fails);
        collect();
      }
      // A trip's end lets the next begin, some turns later.
      const settled = Promise.all(callers).then(() => true);
      for (let round = 0; !(await Promise.race([settled, turns(10)])); round++) {
        assert.ok(round < 1_000, "somebody is left waiting, and no trip is under way");
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
