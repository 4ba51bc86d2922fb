import assert from "node:assert/strict";
import { acquireLock, openWorkspace } from "./workspace.ts";
import { telemetrySettings } from "@edgepass/shared/telemetry";
import { completeSettings, readGiven, readPorts, settingNames, stateFiles } from "./settings.ts";
import { StartError } from "./start.ts";

async function setup() {
  const path = await Deno.makeTempDir();
  return {
    workspace: openWorkspace(`${path}/home`),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("a generated setting is generated once", async () => {
  await using fixture = await setup();
  const first = await completeSettings(fixture.workspace, {});
  assert.deepEqual(await completeSettings(fixture.workspace, {}), first);
  const files = ["access-token-keys.json", "passport-keys.json", "refresh-token-key"];
  assert.deepEqual(
    [...files, "admin-password", "recommender-key"].filter((file) =>
      !Object.values(stateFiles).includes(file)
    ),
    [],
    "a home of an earlier version has these names",
  );
  for (const file of Object.values(stateFiles)) {
    assert.ok(Deno.statSync(fixture.workspace.at("keys", file)).size > 0, file);
  }
  assert.deepEqual(Object.keys(first).toSorted(), [...settingNames].toSorted());
});

Deno.test("a given setting wins, and nothing is generated in its place", async () => {
  await using fixture = await setup();
  const given = readGiven({
    PORT: "9001",
    REFRESH_TOKEN_KEY: "given",
    ADMIN_EMAIL: "",
    OTHER: "x",
  });
  const settings = await completeSettings(fixture.workspace, given);
  assert.equal(settings.REFRESH_TOKEN_KEY, "given");
  assert.equal(settings.ADMIN_EMAIL, "admin@edgepass.local");
  assert.equal(settings.ISSUER, "http://127.0.0.1:9001");
  assert.ok(!("OTHER" in settings));
  assert.throws(
    () => Deno.statSync(fixture.workspace.at("keys", "refresh-token-key")),
    Deno.errors.NotFound,
  );
});

Deno.test("issuer and audience follow a public origin that is given", async () => {
  await using fixture = await setup();
  const settings = await completeSettings(fixture.workspace, {
    PUBLIC_ORIGIN: "https://learn.test",
  });
  assert.equal(settings.ISSUER, "https://learn.test");
  assert.equal(settings.AUDIENCE, "https://learn.test");
});

Deno.test("telemetry goes to dev's own collector at once, unless another was given", async () => {
  await using fixture = await setup();
  const { workspace } = fixture;
  const settings = await completeSettings(workspace, { DASHBOARD_PORT: "9002" });
  assert.equal(settings.OTEL_EXPORTER_OTLP_ENDPOINT, "http://127.0.0.1:9002");
  assert.equal(settings.OTEL_BSP_SCHEDULE_DELAY, "200");
  const given = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.test",
    OTEL_BSP_SCHEDULE_DELAY: "9",
  };
  const others = await completeSettings(workspace, given);
  assert.equal(others.OTEL_EXPORTER_OTLP_ENDPOINT, "https://collector.test");
  assert.equal(others.OTEL_BSP_SCHEDULE_DELAY, "9");
});

Deno.test("dev has every setting of telemetry", () => {
  const names: readonly string[] = settingNames;
  assert.deepEqual(Object.keys(telemetrySettings).filter((name) => !names.includes(name)), []);
});

Deno.test("the login name that shells export is not the URL of the user service", () => {
  assert.deepEqual(readGiven({ USER: "root" }), {});
  assert.deepEqual(readGiven({ USER: "http://127.0.0.1:9" }), { USER: "http://127.0.0.1:9" });
});

Deno.test("gateway and dashboard must have different ports", () => {
  assert.deepEqual(readPorts({}), { PORT: 8787, DASHBOARD_PORT: 8788 });
  assert.throws(() => readPorts({ PORT: "8788" }), /DASHBOARD_PORT is the same as PORT/);
});

Deno.test("a QStash or a Redis that is given in part is refused with the missing name", async () => {
  await using fixture = await setup();
  const halves = {
    UPSTASH_REDIS_REST_TOKEN: { UPSTASH_REDIS_REST_URL: "http://redis.test" },
    UPSTASH_REDIS_REST_URL: { UPSTASH_REDIS_REST_TOKEN: "t" },
    QSTASH_URL: { QSTASH_TOKEN: "t" },
    QSTASH_TOKEN: { QSTASH_URL: "https://qstash.test" },
    QSTASH_CURRENT_SIGNING_KEY: { QSTASH_URL: "https://qstash.test", QSTASH_TOKEN: "t" },
  };
  for (const [missing, given] of Object.entries(halves)) {
    await assert.rejects(
      completeSettings(fixture.workspace, given),
      (error) => error instanceof StartError && error.message.includes(` ${missing} is missing`),
    );
  }
});

Deno.test("a key file that was emptied is refused by name, not replaced", async () => {
  await using fixture = await setup();
  await completeSettings(fixture.workspace, {});
  await Deno.writeTextFile(fixture.workspace.at("keys", "passport-keys.json"), "");
  await assert.rejects(
    completeSettings(fixture.workspace, {}),
    (error) => error instanceof StartError && error.message.includes("passport-keys.json is empty"),
  );
});

Deno.test("a workspace is locked for one process until its release", async () => {
  await using fixture = await setup();
  const release = acquireLock(fixture.workspace);
  assert.throws(
    () => acquireLock(fixture.workspace),
    /another deno task dev \(process \d+\) is using/,
  );
  release();
  acquireLock(fixture.workspace)();
  assert.throws(() => Deno.statSync(fixture.workspace.at("dev.lock")), Deno.errors.NotFound);
});
