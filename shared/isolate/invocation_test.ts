import assert from "node:assert/strict";
import { background, currentInvocation, runInvocation } from "./invocation.ts";

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
