import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/log";
import { configurationKeys, type Redis, RedisUnavailable } from "@edgepass/shared/redis";
import { Redis as UpstashClient } from "@upstash/redis";
import fc from "fast-check";
import { waitUntil, within } from "../../tests/support/wait.ts";
import { createLiveConfiguration, staticConfiguration } from "./live.ts";

/** Builds commands as the official client does; nothing is ever sent. */
const client = new UpstashClient({ url: "http://redis.invalid", token: "t" });

/** A Redis that holds texts, answers when it is let, and counts what it is asked for. */
function createFakeRedis() {
  const values = new Map<string, string>();
  const asked: string[] = [];
  const state = { isDown: false, hold: undefined as Promise<void> | undefined };
  const redis: Redis = {
    async pipeline(build) {
      const pipeline = client.pipeline();
      const keys: string[] = [];
      const get = pipeline.get.bind(pipeline);
      build(Object.assign(pipeline, {
        get: (key: string) => {
          keys.push(key);
          return get(key);
        },
      }));
      asked.push(...keys);
      const replies = keys.map((key) => values.get(key) ?? null);
      await state.hold;
      if (state.isDown) throw new RedisUnavailable("down");
      return replies;
    },
  };
  const put = (version: number, document: unknown) => {
    values.set(configurationKeys.version, String(version));
    values.set(configurationKeys.document, JSON.stringify({ version, document }));
  };
  return { redis, state, values, asked, put };
}

/** A configuration of one number, which may not be negative. */
function setup() {
  const fake = createFakeRedis();
  const clock = { now: 1_000_000 };
  const lines: string[] = [];
  const log = createLogger({ service: "test", sink: (line) => lines.push(line) });
  const live = createLiveConfiguration({
    redis: fake.redis,
    initial: 0,
    read(document) {
      const { value } = document as { value?: unknown };
      if (typeof value !== "number" || value < 0) throw new RangeError("Does not fit");
      return value;
    },
    log: () => log,
    now: () => clock.now,
  });
  const fetched = () => fake.asked.filter((key) => key === configurationKeys.document).length;
  return { ...fake, clock, lines, live, fetched };
}

Deno.test("a version that is seen gets in force by one fetch, and is not fetched again", async () => {
  const { live, put, fetched } = setup();
  put(3, { value: 7 });
  await live.observeVersion(3);
  assert.deepEqual(live.current(), { version: 3, values: 7 });
  for (const version of [3, 2, 0, undefined]) assert.equal(live.observeVersion(version), undefined);
  assert.equal(fetched(), 1);
});

Deno.test("a document newer than the version that was seen is taken", async () => {
  const { live, put, fetched } = setup();
  put(5, { value: 7 });
  await live.observeVersion(4);
  assert.equal(live.current().version, 5);
  assert.equal(live.observeVersion(5), undefined);
  assert.equal(fetched(), 1);
});

Deno.test("requests that see a version at once share one fetch, and none goes on without it", async () => {
  const { live, put, state, fetched } = setup();
  put(1, { value: 7 });
  const gate = Promise.withResolvers<void>();
  state.hold = gate.promise;
  const learning = Array.from({ length: 20 }, async () => {
    await live.observeVersion(1);
    return live.current().values;
  });
  gate.resolve();
  assert.deepEqual(new Set(await Promise.all(learning)), new Set([7]));
  assert.equal(fetched(), 1);
});

Deno.test("a request that sees a newer version during a fetch has that one fetched too", async () => {
  const { live, put, state, fetched } = setup();
  put(1, { value: 7 });
  const gate = Promise.withResolvers<void>();
  state.hold = gate.promise;
  const first = live.observeVersion(1);
  put(2, { value: 8 });
  const others = [live.observeVersion(2), live.observeVersion(2), live.observeVersion(2)];
  gate.resolve();
  await Promise.all([first, ...others]);
  assert.deepEqual(live.current(), { version: 2, values: 8 });
  assert.equal(fetched(), 2);
});

Deno.test("a version that does not fit leaves the last good one, says why, and is not fetched again", async () => {
  const { live, put, clock, lines, fetched } = setup();
  put(1, { value: 7 });
  await live.observeVersion(1);
  put(2, { value: -1 });
  await live.observeVersion(2);
  clock.now += 3_600_000;
  assert.equal(live.observeVersion(2), undefined);
  assert.deepEqual(live.current(), { version: 1, values: 7 });
  assert.equal(fetched(), 2);
  assert.ok(lines.some((line) => line.includes("does not fit") && line.includes('"version":2')));
  put(3, { value: 9 });
  await live.observeVersion(3);
  assert.deepEqual(live.current(), { version: 3, values: 9 });
});

/** What may be in Redis in place of a document. */
const garbage: Readonly<Record<string, string | undefined>> = {
  "nothing": undefined,
  "no JSON": "{",
  "a number": "7",
  "a list": "[]",
  "no version": '{"document":{"value":8}}',
  "a version that is no number": '{"version":"2","document":{"value":8}}',
  "no document": '{"version":2}',
  "an older document": '{"version":0,"document":{"value":8}}',
  "the same version again": '{"version":1,"document":{"value":8}}',
};

for (const [what, text] of Object.entries(garbage)) {
  Deno.test(`${what} in Redis changes nothing, and is looked at again a second later`, async () => {
    const { live, put, values, clock, fetched } = setup();
    put(1, { value: 7 });
    await live.observeVersion(1);
    if (text === undefined) values.delete(configurationKeys.document);
    else values.set(configurationKeys.document, text);
    await live.observeVersion(2);
    assert.deepEqual(live.current(), { version: 1, values: 7 });
    assert.equal(live.observeVersion(2), undefined);
    assert.equal(fetched(), 2);
    clock.now += 1_000;
    put(2, { value: 8 });
    await live.observeVersion(2);
    assert.deepEqual(live.current(), { version: 2, values: 8 });
  });
}

Deno.test("a Redis that is away changes nothing, throws nothing, and is asked once a second", async () => {
  const { live, put, state, clock, asked } = setup();
  put(1, { value: 7 });
  state.isDown = true;
  await live.observeVersion(1);
  await live.observeVersion(1);
  await live.ensureLoaded();
  clock.now += 999;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 0, values: 0 });
  assert.equal(asked.length, 1);
  state.isDown = false;
  clock.now += 1;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 7 });
});

Deno.test("a first request has Redis asked, once for all of them", async () => {
  const { live, put, asked } = setup();
  put(1, { value: 7 });
  await live.ensureLoaded();
  assert.deepEqual(live.current(), { version: 1, values: 7 });
  assert.equal(live.ensureLoaded(), undefined);
  assert.deepEqual(asked, [configurationKeys.version, configurationKeys.document]);
});

Deno.test("who asks Redis nothing hears of a version after five seconds, and waits for nobody", async () => {
  const { live, put, clock, asked } = setup();
  await live.observeVersion(undefined);
  put(1, { value: 7 });
  clock.now += 4_999;
  assert.equal(live.ensureLoaded(), undefined);
  assert.deepEqual(asked, []);
  clock.now += 1;
  assert.equal(live.ensureLoaded(), undefined);
  assert.equal(live.ensureLoaded(), undefined);
  assert.equal(live.current().version, 0);
  while (live.current().version === 0) await Promise.resolve();
  assert.deepEqual(asked, [configurationKeys.version, configurationKeys.document]);
});

Deno.test("a refresh may be bounded, and an unbounded one asks each time", async () => {
  const { live, put, clock, asked } = setup();
  await live.refresh({ everyMs: 30_000 });
  put(1, { value: 7 });
  await live.refresh({ everyMs: 30_000 });
  assert.equal(live.current().version, 0);
  clock.now += 30_000;
  await live.refresh({ everyMs: 30_000 });
  assert.equal(live.current().version, 1);
  await live.refresh();
  await live.refresh();
  assert.equal(asked.filter((key) => key === configurationKeys.version).length, 4);
});

Deno.test("what is made of the values changes with them, all of it or nothing", async () => {
  const { live, put } = setup();
  const doubled = live.select((value, version) => [value * 2, version]);
  const small = live.select((value) => {
    if (value > 10) throw new RangeError("Too large");
    return value;
  });
  assert.deepEqual([doubled(), small()], [[0, 0], 0]);
  put(1, { value: 7 });
  await live.observeVersion(1);
  assert.deepEqual([doubled(), small()], [[14, 1], 7]);
  put(2, { value: 11 });
  await live.observeVersion(2);
  assert.deepEqual([live.current().version, doubled(), small()], [1, [14, 1], 7]);
});

Deno.test("a fixed configuration stays as it is", async () => {
  const fixed = staticConfiguration(7);
  const doubled = fixed.select((value) => value * 2);
  assert.equal(fixed.observeVersion(5), undefined);
  await fixed.refresh();
  assert.equal(fixed.ensureLoaded(), undefined);
  assert.deepEqual([fixed.current(), doubled()], [{ version: 0, values: 7 }, 14]);
});

Deno.test("whatever is put and seen in whatever order, versions only grow, and values are those of their version", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), value: fc.integer({ min: -2, max: 9 }) }),
    fc.record({ kind: fc.constant("lose" as const) }),
    fc.record({ kind: fc.constant("down" as const), isDown: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(0, 500, 1_000) }),
    fc.record({ kind: fc.constant("learn" as const), version: fc.integer({ min: 0, max: 12 }) }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const { live, put, values, state, clock } = setup();
    const accepted = new Map<number, number>([[0, 0]]);
    let newest = 0;
    for (const one of steps) {
      const before = live.current().version;
      if (one.kind === "put") {
        newest++;
        accepted.set(newest, one.value);
        put(newest, { value: one.value });
      } else if (one.kind === "lose") values.clear();
      else if (one.kind === "down") state.isDown = one.isDown;
      else if (one.kind === "wait") clock.now += one.ms;
      else await live.observeVersion(one.version);
      const { version, values: value } = live.current();
      assert.ok(version >= before);
      assert.equal(value, accepted.get(version));
      assert.ok(value >= 0);
    }
    state.isDown = false;
    clock.now += 1_000;
    put(++newest, { value: 5 });
    await live.observeVersion(newest);
    assert.deepEqual(live.current(), { version: newest, values: 5 });
  }));
});

Deno.test("what is prepared for a version is waited for, before it gets in force", async () => {
  const { live, put } = setup();
  const seen: [prepared: number, current: number][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  live.prepare((value) => {
    seen.push([value, live.current().values]);
    return promise;
  });
  live.prepare(() => Promise.reject(new TypeError("It is missed later")));
  live.prepare(() => undefined);
  put(1, { value: 5 });
  const learned = live.observeVersion(1);
  await new Promise((done) => setTimeout(done, 0));
  assert.deepEqual([seen, live.current().version], [[[5, 0]], 0]);
  resolve();
  await learned;
  assert.deepEqual(live.current(), { version: 1, values: 5 });
});

Deno.test("a version that was long in the making does not replace a newer one", async () => {
  const { live, put, clock } = setup();
  const prepared: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  live.prepare((value) => {
    prepared.push(value);
    return value === 1 ? promise : undefined;
  });
  put(1, { value: 1 });
  const older = live.observeVersion(1);
  await waitUntil("the older one is prepared", () => prepared.length === 1, 10_000);
  clock.now += 2_001;
  put(2, { value: 2 });
  await live.observeVersion(2);
  assert.deepEqual(live.current(), { version: 2, values: 2 });
  resolve();
  await older;
  assert.deepEqual(live.current(), { version: 2, values: 2 });
});

Deno.test("nobody waits without end for a question that another request has asked", async () => {
  const { live, state, put } = setup();
  put(1, { value: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  state.hold = promise;
  // Workers may drop the request that asks.
  const dropped = live.observeVersion(1);
  const waiting = live.observeVersion(1);
  await within("who waits goes on", Promise.resolve(waiting));
  assert.equal(live.current().version, 0);
  resolve();
  await dropped;
  assert.equal(live.current().version, 1);
});
