import assert from "node:assert/strict";
import { temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { toEnvFile } from "../../workspace/env_file.ts";
import { acquireLock, openWorkspace } from "../../workspace/workspace.ts";
import { readDoctorContext } from "./read_context.ts";

const look = (workspace: string, variables: Record<string, string> = {}) =>
  readDoctorContext({ EDGEPASS_HOME: workspace, ...variables }, {
    scope: "dev",
    parts: ["gateway"],
  });

const filesOf = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name);

Deno.test("an unused workspace gets the settings that dev would generate, and stays empty", async () => {
  await using workspace = await temporaryWorkspace();
  const { dev, settings, refusal } = await look(workspace.path, { PORT: "8790" });
  assert.deepEqual(dev, { name: "never" });
  assert.equal(refusal, undefined);
  assert.equal(settings.PUBLIC_ORIGIN, "http://127.0.0.1:8790");
  assert.equal(settings.AUTH_DB, `sqlite:${workspace.path}/db/auth.sqlite`);
  assert.notEqual(settings.PASSPORT_KEYS, "");
  assert.deepEqual(filesOf(workspace.path), []);
});

Deno.test("the environment wins over the settings that dev wrote", async () => {
  await using workspace = await temporaryWorkspace();
  const written = { PORT: "8790", ROUTES: `["it's written"]`, TRUST_DOMAIN: "written" };
  await Deno.writeTextFile(`${workspace.path}/dev.env`, toEnvFile(written));
  const { dev, settings } = await look(workspace.path, { TRUST_DOMAIN: "given", PORT: "" });
  assert.deepEqual(dev, { name: "stopped" });
  const { PORT, ROUTES, TRUST_DOMAIN } = settings;
  assert.deepEqual({ PORT, ROUTES, TRUST_DOMAIN }, { ...written, TRUST_DOMAIN: "given" });
});

Deno.test("a database that dev left to workerd has no path", async () => {
  await using workspace = await temporaryWorkspace();
  await Deno.writeTextFile(`${workspace.path}/dev.env`, toEnvFile({ AUTH_DB: "" }));
  const { settings } = await look(workspace.path);
  assert.equal(settings.AUTH_DB, "");
  assert.equal(settings.USER_DB, `sqlite:${workspace.path}/db/user.sqlite`);
});

Deno.test("a stored key wins over the written settings, except those of a running dev", async () => {
  await using place = await temporaryWorkspace();
  const workspace = openWorkspace(place.path);
  await Deno.writeTextFile(workspace.at("dev.env"), toEnvFile({ REFRESH_TOKEN_KEY: "written" }));
  await Deno.writeTextFile(workspace.at("keys", "refresh-token-key"), "kept\n");
  assert.equal((await look(place.path)).settings.REFRESH_TOKEN_KEY, "kept");
  const release = acquireLock(workspace);
  try {
    const { dev, settings } = await look(place.path);
    assert.deepEqual(dev, { name: "running", pid: String(Deno.pid) });
    assert.equal(settings.REFRESH_TOKEN_KEY, "written");
  } finally {
    release();
  }
});

Deno.test("a lock file without a lock belongs to a dev that was killed", async () => {
  await using workspace = await temporaryWorkspace();
  await Deno.writeTextFile(`${workspace.path}/dev.lock`, "123");
  assert.deepEqual((await look(workspace.path)).dev, { name: "killed", pid: "123" });
});

Deno.test("a login name in USER is not the URL of the user service", async () => {
  await using workspace = await temporaryWorkspace();
  assert.equal((await look(workspace.path, { USER: "somebody" })).settings.USER, "");
  const USER = "https://user.example.com";
  assert.equal((await look(workspace.path, { USER })).settings.USER, USER);
});

Deno.test("settings with which dev would not start are reported as its refusal", async () => {
  await using workspace = await temporaryWorkspace();
  const { refusal } = await look(workspace.path, { PORT: "hidden" });
  assert.match(refusal ?? "", /^Cannot start: PORT: must be a whole number/);
  const half = await look(workspace.path, { UPSTASH_REDIS_REST_URL: "https://hidden.example.com" });
  assert.match(half.refusal ?? "", /^Cannot start: UPSTASH_REDIS_REST_TOKEN is missing/);
});

Deno.test("a deployment has the settings of its environment and none of dev", async () => {
  await using workspace = await temporaryWorkspace();
  await Deno.writeTextFile(`${workspace.path}/dev.env`, toEnvFile({ TRUST_DOMAIN: "written" }));
  const variables = { EDGEPASS_HOME: workspace.path, PUBLIC_ORIGIN: "https://learn.example.com" };
  const { settings } = await readDoctorContext(variables, {
    scope: "deployment",
    parts: ["gateway"],
  });
  assert.equal(settings.PUBLIC_ORIGIN, "https://learn.example.com");
  assert.deepEqual([settings.TRUST_DOMAIN, settings.PASSPORT_KEYS], ["", ""]);
});
