import assert from "node:assert/strict";
import {
  createFallbackEnvironment,
  fallbackSettings,
  productFallback,
} from "./suite/product_fallback.ts";
import { demoLearner, logIn } from "./support/dev_people.ts";
import { changesWithinMs, readSource, turnRecommenderOffAndOn } from "./support/dev_recommender.ts";
import { startDev, temporaryWorkspace } from "./support/dev_system.ts";
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

const tasks = { "deno task dev": [], "deno task dev --split": ["--split"] } as const;
for (const [command, args] of Object.entries(tasks)) {
  Deno.test(`${command} has a recommender, and its banner shows how to turn it off`, async () => {
    await using workspace = await temporaryWorkspace();
    await using system = await startDev({ workspace: workspace.path, args });
    await turnRecommenderOffAndOn(system);
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
