import assert from "node:assert/strict";
import type { LogLine } from "./api.ts";
import { createRollout, createVersionWatch } from "./configuration_part.ts";

const time = 1_772_000_000_000;
const taken = "Configuration applied";
const refused = "Configuration is invalid: the last valid one stays current";

function lineOf(service: string, message: string, version: unknown): LogLine {
  const context = { traceId: null, spanId: null };
  return { time, level: "info", service, message, ...context, fields: { version } };
}

Deno.test("a program has the version that it applied last, and none before its first", () => {
  const rollout = createRollout(["gateway", "user"]);
  const observed = rollout.observe([lineOf("gateway", taken, 3), lineOf("gateway", taken, 4)]);
  assert.equal(observed, 4);
  assert.deepEqual(rollout.read(), [
    { service: "gateway", version: 4, since: time, refused: null },
    { service: "user", version: null, since: null, refused: null },
  ]);
});

Deno.test("a refused version is shown beside the applied one, until a newer one is applied", () => {
  const rollout = createRollout(["user"]);
  rollout.observe([lineOf("user", taken, 3)]);
  assert.equal(rollout.observe([lineOf("user", refused, 4)]), 4);
  assert.deepEqual(rollout.read(), [{ service: "user", version: 3, since: time, refused: 4 }]);
  rollout.observe([lineOf("user", taken, 5)]);
  assert.deepEqual(rollout.read(), [{ service: "user", version: 5, since: time, refused: null }]);
});

for (
  const line of [
    lineOf("user", "Request served", 4),
    lineOf("user", `${taken}.`, 4),
    lineOf("user", taken, "4"),
    lineOf("stranger", taken, 4),
  ]
) {
  Deno.test(`${line.service} logging ${line.message} with ${JSON.stringify(line.fields)} reports no version`, () => {
    const rollout = createRollout(["user"]);
    assert.equal(rollout.observe([line]), undefined);
    assert.equal(rollout.read()[0]?.version, null);
  });
}

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
