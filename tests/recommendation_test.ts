import assert from "node:assert/strict";
import {
  createFallbackEnvironment,
  fallbackSettings,
  productFallback,
} from "./suite/product_fallback.ts";
import { bearer, demoInstructor, demoLearner, expectSuccess, logIn } from "./support/dev_people.ts";
import { type DevSystem, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { startRecommender } from "./support/recommender.ts";
import { waitUntil } from "./support/wait.ts";
import { targets } from "./targets.ts";

for (const [placement, start] of Object.entries(targets)) {
  Deno.test(`a failing recommender causes no failed response: ${placement}`, async (t) => {
    await using recommender = startRecommender();
    await using target = await start({ ...recommender.settings, ...fallbackSettings });
    const environment = await createFallbackEnvironment(target, recommender);
    for (const [what, run] of Object.entries(productFallback)) {
      await t.step(what, () => run(environment));
    }
  });
}

const changesWithinMs = 60_000;

/** `source` and `X-Fallback` of a user's response. */
async function readSource(system: DevSystem, token: string): Promise<string> {
  const response = await system.fetch("/recommendations", { headers: bearer(token) });
  const fallback = response.headers.get("x-fallback")?.replace(/\d+/, "n") ?? "";
  const { items, source } = await expectSuccess(response);
  assert.ok(Array.isArray(items));
  return `${source} ${items.length} ${fallback}`.trim();
}

const tasks = {
  "deno task dev": {},
  "deno task dev --split": { args: ["--split"] },
  "deno task dev:workers": { task: "dev:workers" },
} as const;
for (const [command, options] of Object.entries(tasks)) {
  Deno.test(`${command} has a recommender, and its banner shows how to turn it off`, async () => {
    await using workspace = await temporaryWorkspace();
    await using system = await startDev({ workspace: workspace.path, ...options });
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
  });
}

Deno.test("a configured recommender is used, and none is served", async () => {
  await using workspace = await temporaryWorkspace();
  await using recommender = startRecommender();
  await using system = await startDev({ workspace: workspace.path, env: recommender.settings });
  assert.ok(!system.output().includes("/faults"));
  const token = await logIn(system, demoLearner);
  const isLive = async () => (await readSource(system, token)).startsWith("live 2");
  await waitUntil("suggestions are live", isLive, changesWithinMs);
  assert.ok(recommender.questions.length > 0);
  assert.ok(![...Deno.readDirSync(workspace.path)].some(({ name }) => name === "recommender.port"));
});
