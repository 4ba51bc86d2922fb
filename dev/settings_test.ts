import assert from "node:assert/strict";
import { openHome, takeHome } from "./home.ts";
import { completeSettings, readGiven, settingNames } from "./settings.ts";
import { StartError } from "./start_error.ts";

async function setup() {
  const path = await Deno.makeTempDir();
  return {
    home: openHome(`${path}/home`),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("what is made up is made once", async () => {
  await using world = await setup();
  const first = await completeSettings(world.home, {});
  assert.deepEqual(await completeSettings(world.home, {}), first);
  assert.deepEqual(Object.keys(first).toSorted(), [...settingNames].toSorted());
});

Deno.test("what is given wins, and nothing is made up in its place", async () => {
  await using world = await setup();
  const given = readGiven({
    PORT: "9001",
    REFRESH_TOKEN_KEY: "given",
    ADMIN_EMAIL: "",
    OTHER: "x",
  });
  const settings = await completeSettings(world.home, given);
  assert.equal(settings.REFRESH_TOKEN_KEY, "given");
  assert.equal(settings.ADMIN_EMAIL, "admin@edgepass.local");
  assert.equal(settings.ISSUER, "http://127.0.0.1:9001");
  assert.ok(!("OTHER" in settings));
  assert.throws(
    () => Deno.statSync(world.home.at("keys", "refresh-token-key")),
    Deno.errors.NotFound,
  );
});

Deno.test("issuer and audience follow a public origin that is given", async () => {
  await using world = await setup();
  const settings = await completeSettings(world.home, { PUBLIC_ORIGIN: "https://learn.test" });
  assert.equal(settings.ISSUER, "https://learn.test");
  assert.equal(settings.AUDIENCE, "https://learn.test");
});

Deno.test("a key file that was emptied is refused by name, not replaced", async () => {
  await using world = await setup();
  await completeSettings(world.home, {});
  await Deno.writeTextFile(world.home.at("keys", "passport-keys.json"), "");
  await assert.rejects(
    completeSettings(world.home, {}),
    (error) => error instanceof StartError && error.message.includes("passport-keys.json is empty"),
  );
});

Deno.test("a home is one process's until it is given back", async () => {
  await using world = await setup();
  const release = takeHome(world.home);
  assert.throws(() => takeHome(world.home), /another deno task dev \(process \d+\) is using/);
  release();
  takeHome(world.home)();
  assert.throws(() => Deno.statSync(world.home.at("dev.lock")), Deno.errors.NotFound);
});
