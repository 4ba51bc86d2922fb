import assert from "node:assert/strict";
import { createVersionWatch } from "./version_watch.ts";

/** A watch whose reads a test resolves one by one. */
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
  const last = () => reads.at(-1) ?? assert.fail("no version was read");
  const settle = () => new Promise<void>((resolve) => queueMicrotask(() => setTimeout(resolve)));
  return { watch, reported, reads, last, settle };
}

Deno.test("no version is read before a page is open, and then at once", () => {
  const { watch, reads } = setup();
  assert.equal(reads.length, 0);
  watch.watch(true);
  assert.equal(reads.length, 1);
  watch.close();
});

Deno.test("a version is reported once, and none while Redis has none", async () => {
  const { watch, reported, last, settle } = setup();
  for (const version of [undefined, 3, 3, 4]) {
    watch.watch(true);
    last().resolve(version);
    await settle();
  }
  assert.deepEqual(reported, [3, 4]);
  watch.close();
});

Deno.test("a failed read reports nothing, and the next one follows", async () => {
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

Deno.test("a version that is read after the last page has closed is not reported", async () => {
  const { watch, reported, last, settle } = setup();
  watch.watch(true);
  watch.watch(false);
  last().resolve(5);
  await settle();
  assert.deepEqual(reported, []);
});
