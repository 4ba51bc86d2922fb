import assert from "node:assert/strict";
import { createLogger } from "../context/request_context.ts";
import { createMaintenance } from "./deno.ts";

/** Runs everything that is due before the next turn of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** An application whose maintenance ends on command. */
function setup() {
  const lines: string[] = [];
  const counts = { maintain: 0, maintainUrgent: 0 };
  const ends: PromiseWithResolvers<void>[] = [];
  const begin = (name: keyof typeof counts) => () => {
    counts[name]++;
    const end = Promise.withResolvers<void>();
    ends.push(end);
    return end.promise;
  };
  const app = { maintain: begin("maintain"), maintainUrgent: begin("maintainUrgent") };
  const log = createLogger({ service: "test", sink: (line) => lines.push(line) });
  return { tick: createMaintenance(app, log), counts, ends, lines };
}

Deno.test("during a long maintenance run each tick runs the urgent part, and nothing twice at once", async () => {
  const { tick, counts, ends } = setup();
  tick();
  assert.deepEqual(counts, { maintain: 1, maintainUrgent: 0 });
  tick();
  tick();
  assert.deepEqual(counts, { maintain: 1, maintainUrgent: 1 });
  ends[1]?.resolve();
  await settle();
  tick();
  assert.deepEqual(counts, { maintain: 1, maintainUrgent: 2 });
  ends[0]?.resolve();
  await settle();
  tick();
  assert.deepEqual(counts, { maintain: 2, maintainUrgent: 2 });
});

Deno.test("a failed maintenance run is logged, and the next tick runs it again", async () => {
  const { tick, counts, ends, lines } = setup();
  tick();
  ends[0]?.reject(new Error("no database"));
  await settle();
  tick();
  assert.equal(counts.maintain, 2);
  assert.match(lines.join(), /Scheduled maintenance failed.*no database/);
});

Deno.test("an application without maintenance is not called", () => {
  const { lines } = setup();
  const tick = createMaintenance(
    {},
    createLogger({ service: "test", sink: (line) => lines.push(line) }),
  );
  tick();
  tick();
  assert.deepEqual(lines, []);
});
