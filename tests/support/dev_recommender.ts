import assert from "node:assert/strict";
import { bearer, demoInstructor, demoLearner, expectSuccess, logIn } from "./dev_people.ts";
import type { DevSystem } from "./dev_system.ts";
import { waitUntil } from "./wait.ts";

export const changesWithinMs = 60_000;

/** `source` and `X-Fallback` of a user's response. */
export async function readSource(system: DevSystem, token: string): Promise<string> {
  const response = await system.fetch("/recommendations", { headers: bearer(token) });
  const fallback = response.headers.get("x-fallback")?.replace(/\d+/, "n") ?? "";
  const { items, source } = await expectSuccess(response);
  assert.ok(Array.isArray(items));
  return `${source} ${items.length} ${fallback}`.trim();
}

/** Does to dev's own recommender what the banner shows, and requires the fallbacks of the outage. */
export async function turnRecommenderOffAndOn(system: DevSystem): Promise<void> {
  const [, knob = ""] = /curl -X PUT (\S+\/faults) --json '\{"down":true\}'/
    .exec(system.output()) ?? [];
  const turn = async (faults: object) => {
    const response = await fetch(knob, { method: "PUT", body: JSON.stringify(faults) });
    await response.body?.cancel();
    assert.equal(response.status, 200);
  };
  const [learner, instructor] = [
    await logIn(system, demoLearner),
    await logIn(system, demoInstructor),
  ];
  const becomes = (expected: string, token: string) =>
    waitUntil(
      `suggestions are ${expected}`,
      async () => await readSource(system, token) === expected,
      changesWithinMs,
    );
  // Events about the demo courses arrive a moment after their publication.
  await becomes("live 2", learner);
  await turn({ down: true });
  assert.equal(await readSource(system, learner), "cache 2 cache; age=n");
  assert.equal(await readSource(system, instructor), "default 2 default");
  await turn({});
  await becomes("live 2", learner);
  await becomes("live 2", instructor);
}
