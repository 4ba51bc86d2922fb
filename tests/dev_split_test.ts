import assert from "node:assert/strict";
import { serviceNames, services } from "../dev/workspace/settings.ts";
import { askWhoIAm, demoLearner, expectSuccess, logIn } from "./support/dev_people.ts";
import { isListening, startDev, temporaryWorkspace, waitUntilGone } from "./support/dev_system.ts";

Deno.test("deno task dev --split serves the same demo users from separate processes", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path, args: ["--split"] });
  const token = await logIn(system, demoLearner);
  assert.equal(await askWhoIAm(system, token), "200 Demo Learner");
  const courses = await expectSuccess(await system.fetch("/courses"));
  assert.equal(Array.isArray(courses.items) && courses.items.length, 2);

  const family = await system.family();
  const expected = 3 + serviceNames.length;
  assert.equal(family.length, expected, "task, command, gateway and every service");
  const places = await readPlaces(workspace.path);
  assert.equal(new Set(places.values()).size, serviceNames.length);
  for (const [name, port] of places) assert.ok(await isListening(port), name);

  assert.equal((await system.end("SIGTERM")).code, 0);
  await waitUntilGone(family);
  for (const [name, port] of places) assert.equal(await isListening(port), false, name);
});

Deno.test("a killed deno task dev --split leaves none of its services behind", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path, args: ["--split"] });
  const family = await system.family();
  const [, command] = family.toSorted((a, b) => a - b);
  assert.ok(command);
  await system.end("SIGKILL", command);
  await waitUntilGone(family);
});

Deno.test("a service that exits ends all of deno task dev --split", async () => {
  await using workspace = await temporaryWorkspace();
  await using system = await startDev({ workspace: workspace.path, args: ["--split"] });
  const family = await system.family();
  const { code, output } = await system.end("SIGKILL", family.at(-1));
  assert.equal(code, 137);
  assert.match(output, new RegExp(`ERROR (${serviceNames.join("|")}) was ended by SIGKILL`));
  await waitUntilGone(family);
});

/** The services' ports from dev.env. */
async function readPlaces(workspace: string): Promise<Map<string, number>> {
  const text = await Deno.readTextFile(`${workspace}/dev.env`);
  const names = Object.values(services).map(({ place }) => place).join("|");
  const found = text.matchAll(new RegExp(`^(${names})='http://127\\.0\\.0\\.1:(\\d+)'$`, "gm"));
  return new Map([...found].map(([, name = "", port]) => [name, Number(port)]));
}
