import assert from "node:assert/strict";
import { askWhoIAm, bearer, demoLearner, logIn } from "./support/dev_people.ts";
import { isServedBy, traceOf } from "./support/dev_dashboard.ts";
import { turnRecommenderOffAndOn } from "./support/dev_recommender.ts";
import { startDev, temporaryWorkspace, waitUntilGone } from "./support/dev_system.ts";
import { waitUntil } from "./support/wait.ts";

Deno.test("deno task dev:workers serves the same demo users from workerd, and leaves no process", async (t) => {
  await using workspace = await temporaryWorkspace();
  const task = "dev:workers";
  let port: number;
  let revoked: string;
  {
    await using system = await startDev({ workspace: workspace.path, task });
    port = system.port;
    const token = await logIn(system, demoLearner);
    assert.equal(await askWhoIAm(system, token), "200 Demo Learner");
    await t.step("its requests are shown on the same dashboard", async () => {
      const response = await system.fetch("/courses");
      const { request, spans } = await traceOf(system, response, isServedBy("gateway", "course"));
      assert.deepEqual([request?.path, request?.status], ["/courses", 200]);
      const names = spans.map(({ service, name }) => `${service} ${name}`);
      assert.ok(names.includes("gateway GET /courses") && names.includes("course GET /courses"));
    });
    const recommender = "it has a recommender, and its banner shows how to turn it off";
    await t.step(recommender, () => turnRecommenderOffAndOn(system));
    const isDelivered = async () =>
      (await Deno.readTextFile(`${workspace.path}/logs/user.jsonl`)).includes('"Event handled"');
    await waitUntil("events of the demo people are delivered", isDelivered, 60_000);
    revoked = await logIn(system, demoLearner);
    const headers = bearer(revoked);
    assert.equal((await system.fetch("/auth/logout", { method: "POST", headers })).status, 204);
    const family = await system.family();
    assert.equal((await system.end("SIGTERM")).code, 0);
    await waitUntilGone(family);
  }
  await using system = await startDev({ workspace: workspace.path, port, task });
  assert.equal(await askWhoIAm(system, revoked), "401 token_revoked");
  const family = await system.family();
  const [, command] = family;
  assert.ok(command);
  await system.end("SIGKILL", command);
  await waitUntilGone(family);
});
