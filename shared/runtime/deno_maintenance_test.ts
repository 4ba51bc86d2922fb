import assert from "node:assert/strict";
import { createLogger } from "../log.ts";
import { createMaintenance } from "./deno_maintenance.ts";

/** Lets everything go on that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** An application whose sweeps end when the test says so. */
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

Deno.test("while a long sweep runs, what cannot wait is done at each tick, and nothing twice at once", async () => {
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

Deno.test("a sweep that fails is told of, and the next tick sweeps again", async () => {
  const { tick, counts, ends, lines } = setup();
  tick();
  ends[0]?.reject(new Error("no database"));
  await settle();
  tick();
  assert.equal(counts.maintain, 2);
  assert.match(lines.join(), /Sweep failed.*no database/);
});

Deno.test("an application that has nothing to sweep is left alone", () => {
  const { lines } = setup();
  const tick = createMaintenance(
    {},
    createLogger({ service: "test", sink: (line) => lines.push(line) }),
  );
  tick();
  tick();
  assert.deepEqual(lines, []);
});
