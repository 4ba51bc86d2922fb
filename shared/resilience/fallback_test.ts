import assert from "node:assert/strict";
import { runInvocation } from "../isolate.ts";
import { Problem } from "../problem.ts";
import { createFallback, type FallbackKey, fallbackKey, type FallbackStore } from "./fallback.ts";

const key: FallbackKey = { service: "recommendation", what: "courses", sub: "u1" };
const down = () => Promise.reject(new Problem("upstream_unavailable"));

function setup({ maxStaleMs = 60_000, store = memory() }: {
  maxStaleMs?: number;
  store?: FallbackStore & { readonly rows: Map<string, string> };
} = {}) {
  let now = 1_000_000;
  const sources: string[] = [];
  const lost: unknown[] = [];
  const fallback = createFallback({
    store,
    now: () => now,
    maxStaleMs: () => maxStaleMs,
    onFailure: (_cause, source) => sources.push(source),
    onStoreFailure: (cause) => lost.push(cause),
  });
  const run = async (live: () => Promise<readonly string[]>, who: FallbackKey = key) => {
    const work: Promise<unknown>[] = [];
    const invocation = { waitUntil: (one: Promise<unknown>) => void work.push(one) };
    const result = await runInvocation(invocation, () =>
      fallback.run({
        key: who,
        live,
        fits: (stored) => isTexts(stored) ? stored : undefined,
        otherwise: () => ["default"],
      }));
    await Promise.all(work);
    return result;
  };
  const advance = (ms: number) => {
    now += ms;
  };
  return { advance, run, lost, store, sources };
}

function memory() {
  const rows = new Map<string, string>();
  return {
    rows,
    get: (at: FallbackKey) => Promise.resolve(rows.get(fallbackKey(at)) ?? null),
    put(at: FallbackKey, value: string) {
      rows.set(fallbackKey(at), value);
      return Promise.resolve();
    },
    forget(at: FallbackKey) {
      rows.delete(fallbackKey(at));
      return Promise.resolve();
    },
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

Deno.test("the live result, then the last good one with its age, then the default", async () => {
  const { advance, run, sources } = setup();
  assert.deepEqual(await run(down), { value: ["default"], source: "default" });
  assert.deepEqual(await run(() => Promise.resolve(["a"])), { value: ["a"], source: "live" });
  advance(12_900);
  assert.deepEqual(await run(down), { value: ["a"], source: "cache", ageSeconds: 12 });
  advance(60_000);
  assert.deepEqual(await run(down), { value: ["default"], source: "default" });
  assert.deepEqual(sources, ["default", "cache", "default"]);
});

Deno.test("[D05] no person gets the result of another", async () => {
  const { run } = setup();
  await run(() => Promise.resolve(["mine"]));
  assert.equal((await run(down, { ...key, sub: "u2" })).source, "default");
});

Deno.test("a failure below 500 is a valid response, and no fallback replaces it", async () => {
  const { run } = setup();
  await run(() => Promise.resolve(["a"]));
  await assert.rejects(run(() => Promise.reject(new Problem("forbidden"))), { code: "forbidden" });
});

const unusable: Record<string, string> = {
  "no JSON": "{",
  "no object": "1",
  "no age": '{"value":["a"]}',
  "an age that is no number": '{"at":"now","value":["a"]}',
  "no longer the expected type": '{"at":1000000,"value":[1]}',
  "nothing": "null",
};
for (const [what, text] of Object.entries(unusable)) {
  Deno.test(`a stored result that is ${what} counts as none`, async () => {
    const { run, store } = setup();
    store.rows.set(fallbackKey(key), text);
    assert.equal((await run(down)).source, "default");
  });
}

Deno.test("a failing store does not fail the request", async () => {
  const broken = () => Promise.reject(new Error("Redis is away"));
  const { run, lost } = setup({ store: { ...memory(), get: broken, put: broken } });
  assert.equal((await run(() => Promise.resolve(["a"]))).source, "live");
  assert.equal((await run(down)).source, "default");
  assert.equal(lost.length, 2);
});

Deno.test("a result from another instance, whose clock is ahead, has the age 0", async () => {
  const { advance, run } = setup();
  await run(() => Promise.resolve(["a"]));
  advance(-5_000);
  assert.deepEqual(await run(down), { value: ["a"], source: "cache", ageSeconds: 0 });
});

Deno.test("a very long result, or one that may not be stale at all, is not stored", async () => {
  const long = setup();
  await long.run(() => Promise.resolve(["x".repeat(70_000)]));
  const fresh = setup({ maxStaleMs: 0 });
  await fresh.run(() => Promise.resolve(["a"]));
  assert.deepEqual([long.store.rows.size, fresh.store.rows.size], [0, 0]);
});
