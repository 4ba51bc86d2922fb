import fc from "fast-check";
import assert from "node:assert/strict";
import {
  background,
  type BoundedMapOptions,
  createBoundedMap,
  currentInvocation,
  loadOnce,
  runInvocation,
} from "./isolate.ts";

Deno.test("the runtime waits for background work, and its failure is reported once", async () => {
  const waited: Promise<unknown>[] = [];
  const errors: unknown[] = [];
  const failure = new Error("late");
  runInvocation({ waitUntil: (work) => void waited.push(work) }, () => {
    background(Promise.resolve("done"), (error) => errors.push(error));
    background(Promise.reject(failure), (error) => errors.push(error));
  });
  assert.equal(waited.length, 2);
  // The promise that the runtime waits for never rejects: on Deno that would end the process.
  assert.deepEqual(
    (await Promise.allSettled(waited)).map(({ status }) => status),
    ["fulfilled", "fulfilled"],
  );
  assert.deepEqual(errors, [failure]);
});

Deno.test("background work outside of an invocation runs too, and its failure is reported", async () => {
  assert.equal(currentInvocation(), undefined);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  background(Promise.reject("late"), resolve);
  assert.equal(await promise, "late");
});

Deno.test("each invocation keeps its own runtime in every interleaving", async () => {
  const invocations = Array.from({ length: 20 }, (_, at) => ({
    waitUntil: () => {},
    peerAddress: `192.0.2.${at}`,
  }));
  const seen = await Promise.all(
    invocations.map((invocation, at) =>
      runInvocation(invocation, async () => {
        for (let round = 0; round < at % 5; round++) await Promise.resolve();
        return currentInvocation()?.peerAddress;
      })
    ),
  );
  assert.deepEqual(seen, invocations.map(({ peerAddress }) => peerAddress));
});

const names = ["a", "b", "c", "d", "e"] as const;

/** A map of three with `a`, `b` and `c`, in this order. */
function createFull(options?: BoundedMapOptions) {
  const map = createBoundedMap<string, number>(3, options);
  for (const [at, name] of names.slice(0, 3).entries()) map.set(name, at);
  return map;
}

const present = ({ has }: { has(name: string): boolean }) => names.filter((name) => has(name));

Deno.test("a full bounded map evicts its oldest entry for a new key", () => {
  const map = createFull();
  map.get("a");
  map.set("d", 3);
  assert.deepEqual(present(map), ["b", "c", "d"], "reading refreshes nothing");
  map.set("e", 4);
  assert.deepEqual(present(map), ["c", "d", "e"]);
  assert.equal(map.size, 3);
  assert.deepEqual(names.map((name) => map.get(name)), [undefined, undefined, 2, 3, 4]);
});

Deno.test("a replaced entry of a bounded map keeps its age and evicts nothing", () => {
  const map = createFull();
  map.set("a", 9);
  assert.deepEqual(present(map), ["a", "b", "c"]);
  assert.equal(map.get("a"), 9);
  map.set("d", 3);
  assert.deepEqual(present(map), ["b", "c", "d"]);
});

Deno.test("a refreshed entry of a bounded map is evicted last", () => {
  const map = createFull({ refresh: true });
  map.set("a", 9);
  assert.deepEqual(present(map), ["a", "b", "c"]);
  map.set("d", 3);
  map.set("e", 4);
  assert.deepEqual(present(map), ["a", "d", "e"]);
});

Deno.test("a bounded map with evictOnReplace evicts its oldest entry at every write", () => {
  const map = createFull({ evictOnReplace: true });
  map.set("b", 9);
  assert.deepEqual(present(map), ["b", "c"]);
  map.set("d", 3);
  map.set("e", 4);
  assert.deepEqual(present(map), ["c", "d", "e"], "b kept its age");
});

Deno.test("a bounded map deletes and clears entries, which makes room", () => {
  const map = createFull();
  assert.deepEqual([map.delete("b"), map.delete("b")], [true, false]);
  map.set("d", 3);
  assert.deepEqual(present(map), ["a", "c", "d"]);
  map.clear();
  assert.deepEqual([map.size, present(map)], [0, []]);
});

Deno.test("a bounded map has at most its maximum of entries, and always the last one written", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 4 }),
    fc.boolean(),
    fc.boolean(),
    fc.array(fc.tuple(fc.constantFrom(...names), fc.boolean())),
    (max, refresh, evictOnReplace, writes) => {
      const map = createBoundedMap<string, number>(max, { refresh, evictOnReplace });
      for (const [at, [name, isWrite]] of writes.entries()) {
        if (isWrite) map.set(name, at);
        else map.delete(name);
        assert.equal(map.get(name), isWrite ? at : undefined);
        assert.ok(map.size <= max);
        assert.equal(map.size, present(map).length);
      }
    },
  ));
});

Deno.test("what is loaded once is not loaded again, and a failed load is tried again", async () => {
  let loads = 0;
  const load = loadOnce(() => {
    loads++;
    return loads === 1 ? Promise.reject(new Error("not there yet")) : Promise.resolve({ loads });
  });
  await assert.rejects(load(), /not there yet/);
  assert.equal(await load(), await load());
  assert.equal(loads, 2);
});

Deno.test("a use does not wait for the load of another one, which may never end", async () => {
  let loads = 0;
  const load = loadOnce(() => {
    loads++;
    return loads === 1 ? new Promise<never>(() => {}) : Promise.resolve({ loads });
  });
  void load();
  assert.deepEqual(await load(), { loads: 2 });
});

Deno.test("a bounded map with a maximum weight evicts its oldest entries until a new one fits", () => {
  const map = createBoundedMap<string, number>(100, {
    weight: { max: 6, of: (key) => key.length },
  });
  const has = () => ["a", "bb", "ccc", "dddd", "eeeeee"].filter((key) => map.has(key));
  for (const key of ["a", "bb", "ccc"]) map.set(key, 1);
  map.set("bb", 2);
  assert.deepEqual(has(), ["a", "bb", "ccc"], "a replaced entry weighs nothing more");
  map.set("dddd", 1);
  assert.deepEqual(has(), ["dddd"], "ccc had to go as well");
  map.set("bb", 1);
  assert.deepEqual(has(), ["bb", "dddd"]);
  map.delete("dddd");
  map.set("ccc", 1);
  assert.deepEqual(has(), ["bb", "ccc"], "a deleted entry weighs nothing");
  map.set("eeeeeee", 1);
  assert.deepEqual(has(), ["bb", "ccc"], "what could never fit evicts nothing");
  map.clear();
  map.set("eeeeee", 1);
  assert.deepEqual(has(), ["eeeeee"]);
});
