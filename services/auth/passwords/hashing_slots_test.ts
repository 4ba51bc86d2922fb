import assert from "node:assert/strict";
import { Problem } from "@edgepass/shared/problem";
import { createPasswordHasher } from "./hasher.ts";
import { createHashingSlots } from "./hashing_slots.ts";

const cost = { m: 8, t: 1, p: 1 };
const isRefusal = (code: string) => (error: unknown) =>
  error instanceof Problem && error.code === code && error.headers["retry-after"] === "1";
const isFull = isRefusal("upstream_unavailable");
const of = (network: string, signal?: AbortSignal) => ({ network, signal });
/** Runs all work that is due before the next turn of the event loop. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

/** A hasher whose hashes end on command, in the order in which they began. */
function setup(options: Parameters<typeof createPasswordHasher>[0]) {
  const running: (() => void)[] = [];
  const begun: string[] = [];
  let most = 0;
  const hasher = createPasswordHasher({
    cost,
    ...options,
    argon2id: {
      kind: "native",
      async derive({ password, bytes }) {
        begun.push(new TextDecoder().decode(password));
        const { promise, resolve } = Promise.withResolvers<void>();
        running.push(resolve);
        most = Math.max(most, running.length);
        await promise;
        return new Uint8Array(bytes);
      },
    },
  });
  async function endOne(): Promise<void> {
    running.shift()?.();
    await settle();
  }
  return { hasher, running, begun, endOne, mostRunning: () => most };
}

Deno.test("[I04] hashes use the allowed number of processors, and the others wait in order", async () => {
  const { hasher, running, begun, endOne, mostRunning } = setup({ processors: 2 });
  const passwords = Array.from({ length: 8 }, (_, at) => `password ${at}`);
  const all = passwords.map((password) => hasher.verify(password, null, of(password)));
  await settle();
  assert.equal(running.length, 2);
  for (let ends = 0; ends < 8; ends++) await endOne();
  assert.deepEqual(begun, passwords);
  await Promise.all(all);
  assert.equal(mostRunning(), 2);
});

Deno.test("a full queue refuses with Retry-After, and accepts requests again when there is room", async () => {
  const { hasher, running, endOne } = setup({ processors: 1 });
  const all = Array.from({ length: 17 }, (_, at) => hasher.verify("a", null, of(`${at}`)));
  await settle();
  assert.equal(running.length, 1);
  await assert.rejects(hasher.verify("a", null, of("another")), isFull);
  await assert.rejects(hasher.hash("a", of("another")), isFull);
  await endOne();
  const last = hasher.verify("a", null, of("another"));
  for (let ends = 0; ends < 17; ends++) await endOne();
  await Promise.all([...all, last]);
});

Deno.test("without processors a hasher has no queue", async () => {
  const { hasher, running, endOne } = setup({ maxConcurrent: 3 });
  const all = ["a", "b", "c"].map((network) => hasher.verify("a", null, of(network)));
  await settle();
  assert.equal(running.length, 3);
  await assert.rejects(hasher.verify("a", null, of("d")), isFull);
  for (const _ of all) await endOne();
  await Promise.all(all);
});

Deno.test("one network takes at most half of the slots, and others find room", async () => {
  const slots = createHashingSlots({ maxRunning: 1, maxWaiting: 3 });
  const first = await slots.acquire(of("school"));
  const second = slots.acquire(of("school"));
  await assert.rejects(slots.acquire(of("school")), isRefusal("rate_limited"));
  const other = slots.acquire(of("home"));
  first();
  (await second)();
  (await other)();
  // A released slot counts no more.
  (await slots.acquire(of("school")))();
});

Deno.test("a requester that leaves the queue frees its slot, and its hash is not computed", async () => {
  const { hasher, running, endOne } = setup({ processors: 1, maxWaiting: 1 });
  const left = new AbortController();
  const gone = AbortSignal.abort();
  const first = hasher.verify("a", null, of("one"));
  await settle();
  const second = hasher.verify("a", null, of("two", left.signal));
  const refused = assert.rejects(second, isFull);
  await settle();
  left.abort();
  await refused;
  await assert.rejects(hasher.verify("a", null, of("two", gone)), isFull);
  const third = hasher.verify("a", null, of("three"));
  await endOne();
  assert.equal(running.length, 1);
  await endOne();
  await Promise.all([first, third]);
});

Deno.test("a hash that fails releases its slot", async () => {
  const hasher = createPasswordHasher({
    cost,
    processors: 1,
    maxWaiting: 0,
    argon2id: { kind: "native", derive: () => Promise.reject(new Error("out of memory")) },
  });
  for (let tries = 0; tries < 3; tries++) {
    await assert.rejects(hasher.hash("a", of("one")), { message: "out of memory" });
  }
});

Deno.test("a slot that is released twice is released once", async () => {
  const slots = createHashingSlots({ maxRunning: 1, maxWaiting: 0 });
  const release = await slots.acquire();
  release();
  release();
  await slots.acquire();
  await assert.rejects(slots.acquire(), isFull);
});
