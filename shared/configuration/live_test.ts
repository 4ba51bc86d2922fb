import assert from "node:assert/strict";
import { createLogger } from "@edgepass/shared/context";
import { configurationKeys, type Redis, RedisUnavailable } from "@edgepass/shared/redis";
import { Redis as UpstashClient } from "@upstash/redis";
import fc from "fast-check";
import { waitUntil, within } from "../../tests/support/wait.ts";
import { createLiveConfiguration, staticConfiguration } from "./live.ts";

/** Builds commands with the official client, and sends nothing. */
const client = new UpstashClient({ url: "http://redis.invalid", token: "t" });

/** A fake Redis with texts, which can delay its replies and records the keys of its reads. */
function createFakeRedis() {
  const values = new Map<string, string>();
  const reads: string[] = [];
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
      reads.push(...keys);
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
  return { redis, state, values, reads, put };
}

/** A configuration of one number, which must not be negative. */
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
  const fetched = () => fake.reads.filter((key) => key === configurationKeys.document).length;
  return { ...fake, clock, lines, live, fetched };
}

Deno.test("an observed version becomes current with one fetch, and is not fetched again", async () => {
  const { live, put, fetched } = setup();
  put(3, { value: 7 });
  await live.observeVersion(3);
  assert.deepEqual(live.current(), { version: 3, values: 7 });
  for (const version of [3, 2, 0, undefined]) assert.equal(live.observeVersion(version), undefined);
  assert.equal(fetched(), 1);
});

Deno.test("a document that is newer than the observed version is accepted", async () => {
  const { live, put, fetched } = setup();
  put(5, { value: 7 });
  await live.observeVersion(4);
  assert.equal(live.current().version, 5);
  assert.equal(live.observeVersion(5), undefined);
  assert.equal(fetched(), 1);
});

Deno.test("concurrent requests that observe a version share one fetch and all wait for it", async () => {
  const { live, put, state, fetched } = setup();
  put(1, { value: 7 });
  const gate = Promise.withResolvers<void>();
  state.hold = gate.promise;
  const requests = Array.from({ length: 20 }, async () => {
    await live.observeVersion(1);
    return live.current().values;
  });
  gate.resolve();
  assert.deepEqual(new Set(await Promise.all(requests)), new Set([7]));
  assert.equal(fetched(), 1);
});

Deno.test("a newer version that is observed during a fetch is fetched too", async () => {
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

Deno.test("an invalid version leaves the last valid one current, is logged, and is not fetched again", async () => {
  const { live, put, clock, lines, fetched } = setup();
  put(1, { value: 7 });
  await live.observeVersion(1);
  put(2, { value: -1 });
  await live.observeVersion(2);
  clock.now += 3_600_000;
  assert.equal(live.observeVersion(2), undefined);
  assert.deepEqual(live.current(), { version: 1, values: 7 });
  assert.equal(fetched(), 2);
  assert.ok(lines.some((line) => line.includes("is invalid") && line.includes('"version":2')));
  put(3, { value: 9 });
  await live.observeVersion(3);
  assert.deepEqual(live.current(), { version: 3, values: 9 });
});

/** Redis contents that are not a valid newer document. */
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
  Deno.test(`${what} in Redis changes nothing, and is fetched again after a second`, async () => {
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

Deno.test("an unavailable Redis changes nothing, throws nothing, and is queried once a second", async () => {
  const { live, put, state, clock, reads } = setup();
  put(1, { value: 7 });
  state.isDown = true;
  await live.observeVersion(1);
  await live.observeVersion(1);
  await live.ensureLoaded();
  clock.now += 999;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 0, values: 0 });
  assert.equal(reads.length, 1);
  state.isDown = false;
  clock.now += 1;
  await live.observeVersion(1);
  assert.deepEqual(live.current(), { version: 1, values: 7 });
});

Deno.test("the first request queries Redis, once for all requests", async () => {
  const { live, put, reads } = setup();
  put(1, { value: 7 });
  await live.ensureLoaded();
  assert.deepEqual(live.current(), { version: 1, values: 7 });
  assert.equal(live.ensureLoaded(), undefined);
  assert.deepEqual(reads, [configurationKeys.version, configurationKeys.document]);
});

Deno.test("requests that do not read Redis query the version in the background after five seconds", async () => {
  const { live, put, clock, reads } = setup();
  await live.observeVersion(undefined);
  put(1, { value: 7 });
  clock.now += 4_999;
  assert.equal(live.ensureLoaded(), undefined);
  assert.deepEqual(reads, []);
  clock.now += 1;
  assert.equal(live.ensureLoaded(), undefined);
  assert.equal(live.ensureLoaded(), undefined);
  assert.equal(live.current().version, 0);
  while (live.current().version === 0) await Promise.resolve();
  assert.deepEqual(reads, [configurationKeys.version, configurationKeys.document]);
});

Deno.test("a refresh with everyMs queries at most that often, and one without queries each time", async () => {
  const { live, put, clock, reads } = setup();
  await live.refresh({ everyMs: 30_000 });
  put(1, { value: 7 });
  await live.refresh({ everyMs: 30_000 });
  assert.equal(live.current().version, 0);
  clock.now += 30_000;
  await live.refresh({ everyMs: 30_000 });
  assert.equal(live.current().version, 1);
  await live.refresh();
  await live.refresh();
  assert.equal(reads.filter((key) => key === configurationKeys.version).length, 4);
});

Deno.test("selected objects change together with the values, all of them or none", async () => {
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

Deno.test("a static configuration never changes", async () => {
  const configuration = staticConfiguration(7);
  const doubled = configuration.select((value) => value * 2);
  assert.equal(configuration.observeVersion(5), undefined);
  await configuration.refresh();
  assert.equal(configuration.ensureLoaded(), undefined);
  assert.deepEqual([configuration.current(), doubled()], [{ version: 0, values: 7 }, 14]);
});

Deno.test("for any order of events versions only rise, and values match their version", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), value: fc.integer({ min: -2, max: 9 }) }),
    fc.record({ kind: fc.constant("lose" as const) }),
    fc.record({ kind: fc.constant("down" as const), isDown: fc.boolean() }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(0, 500, 1_000) }),
    fc.record({ kind: fc.constant("observe" as const), version: fc.integer({ min: 0, max: 12 }) }),
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

Deno.test("a version becomes current only after its preparation steps", async () => {
  const { live, put } = setup();
  const seen: [prepared: number, current: number][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  live.prepare((value) => {
    seen.push([value, live.current().values]);
    return promise;
  });
  live.prepare(() => Promise.reject(new TypeError("Preparation failed")));
  live.prepare(() => undefined);
  put(1, { value: 5 });
  const observed = live.observeVersion(1);
  await new Promise((done) => setTimeout(done, 0));
  assert.deepEqual([seen, live.current().version], [[[5, 0]], 0]);
  resolve();
  await observed;
  assert.deepEqual(live.current(), { version: 1, values: 5 });
});

Deno.test("a version with a slow preparation does not replace a newer one", async () => {
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

Deno.test("a request does not wait for ever for another request's fetch", async () => {
  const { live, state, put } = setup();
  put(1, { value: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  state.hold = promise;
  // Workers may cancel the request that fetches.
  const canceled = live.observeVersion(1);
  const waiting = live.observeVersion(1);
  await within("the waiting request continues", Promise.resolve(waiting));
  assert.equal(live.current().version, 0);
  resolve();
  await canceled;
  assert.equal(live.current().version, 1);
});
