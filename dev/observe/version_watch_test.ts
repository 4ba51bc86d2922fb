import assert from "node:assert/strict";
import { createVersionWatch } from "./version_watch.ts";

/** A watch whose questions a test answers one by one. */
function setup() {
  const reported: number[] = [];
  const reads: PromiseWithResolvers<number | undefined>[] = [];
  const watch = createVersionWatch({
    fetchVersion() {
      const question = Promise.withResolvers<number | undefined>();
      reads.push(question);
      return question.promise;
    },
    onVersion: (version) => reported.push(version),
    everyMs: 600_000,
  });
  const last = () => reads.at(-1) ?? assert.fail("nobody was asked");
  const settle = () => new Promise<void>((resolve) => queueMicrotask(() => setTimeout(resolve)));
  return { watch, reported, reads, last, settle };
}

Deno.test("nobody is asked before somebody listens, and then at once", () => {
  const { watch, reads } = setup();
  assert.equal(reads.length, 0);
  watch.watch(true);
  assert.equal(reads.length, 1);
  watch.close();
});

Deno.test("a version is told once, and none while Redis has none", async () => {
  const { watch, reported, last, settle } = setup();
  for (const version of [undefined, 3, 3, 4]) {
    watch.watch(true);
    last().resolve(version);
    await settle();
  }
  assert.deepEqual(reported, [3, 4]);
  watch.close();
});

Deno.test("a question that fails tells nothing, and the next one is asked", async () => {
  const { watch, reported, last, settle } = setup();
  watch.watch(true);
  last().reject(new Error("away"));
  await settle();
  watch.watch(true);
  last().resolve(5);
  await settle();
  assert.deepEqual(reported, [5]);
  watch.close();
});

Deno.test("what is answered after everybody left is told to nobody", async () => {
  const { watch, reported, last, settle } = setup();
  watch.watch(true);
  watch.watch(false);
  last().resolve(5);
  await settle();
  assert.deepEqual(reported, []);
});
