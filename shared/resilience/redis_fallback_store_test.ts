import assert from "node:assert/strict";
import type { Redis, RedisPipeline } from "../redis/redis.ts";
import { fallbackKey, redisFallbackStore } from "./fallback.ts";

/** A Redis of one key that records its commands. */
function setup(reply: unknown = null) {
  const commands: unknown[][] = [];
  const record = (name: string) => (...args: unknown[]) => void commands.push([name, ...args]);
  const recorder = { get: record("get"), set: record("set"), del: record("del") };
  const redis: Redis = {
    pipeline(build) {
      build(asPipeline(recorder));
      return Promise.resolve([reply]);
    },
  };
  return { store: redisFallbackStore(redis), commands };
}

/** The store uses these three commands of a pipeline only. */
function asPipeline(recorder: object): RedisPipeline {
  return recorder as RedisPipeline;
}

const key = { service: "recommendation", what: "courses", sub: "user:1:2" };

Deno.test("a result is stored under service, name and subject, with its TTL", async () => {
  const { store, commands } = setup();
  await store.put(key, "{}", 60);
  await store.forget(key);
  const name = "fb:recommendation:courses:user:1:2";
  assert.deepEqual(commands, [["set", name, "{}", { ex: 60 }], ["del", name]]);
  assert.equal(fallbackKey(key), name);
});

for (const reply of ["{}", null, undefined, 1, ["x"]]) {
  Deno.test(`a reply of ${JSON.stringify(reply)} is ${reply === "{}" ? "a stored value" : "none"}`, async () => {
    assert.equal(await setup(reply).store.get(key), reply === "{}" ? "{}" : null);
  });
}
