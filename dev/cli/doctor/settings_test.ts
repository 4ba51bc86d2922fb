import assert from "node:assert/strict";
import {
  allWell,
  createDoctorContext,
  createEffects,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import type { ConfigurationError, Finding } from "./context.ts";
import { checkKeys, checkNames, checkSettings } from "./settings.ts";
import { parts } from "../../workspace/environment.ts";
import { settingNames } from "../../workspace/settings.ts";

const reporting = (...configurationErrors: ConfigurationError[]) =>
  createEffects({ configurationErrors: () => Promise.resolve(configurationErrors) });
const gateway = (message: string): ConfigurationError => ({ part: "gateway", message });

Deno.test("settings that every program accepts pass", async () => {
  assert.deepEqual(allWell(await checkSettings(createDoctorContext(), createEffects())), [
    `${parts.join(", ")} accept their settings`,
  ]);
});

/** The fix by the source of the value. */
const fixes = {
  "of a deployment": [
    { scope: "deployment", variables: { ISSUERS: "hidden" } },
    "correct its rows: docs/reference.md describes every member of ISSUERS",
  ],
  "given to dev": [
    { scope: "dev", variables: { ISSUERS: "hidden" } },
    "correct its rows: docs/reference.md describes every member of ISSUERS",
  ],
  "that dev wrote": [
    { scope: "dev", variables: {} },
    "deno task dev, which writes its settings anew",
  ],
} as const;
for (const [what, [context, fix]] of Object.entries(fixes)) {
  Deno.test(`a malformed setting ${what} is reported with its fix`, async () => {
    const effects = reporting(gateway("Cannot start: ISSUERS: must be JSON"));
    const found = await checkSettings(createDoctorContext(context), effects);
    assert.equal(troubleOf(found), `fail: ISSUERS: must be JSON (gateway) → ${fix}`);
  });
}

Deno.test("each setting is a finding of its own, however many programs read it", async () => {
  const message = "Cannot start: ISSUER is missing; LEEWAY_SECONDS: must be a whole number";
  const effects = reporting(gateway(message), { part: "user", message });
  const found = await checkSettings(createDoctorContext(), effects);
  assert.deepEqual(found.map(({ what }) => what), [
    "ISSUER is missing (gateway, user)",
    "LEEWAY_SECONDS: must be a whole number (gateway, user)",
  ]);
});

Deno.test("the fix for an invalid stored secret is to delete it and start dev again", async () => {
  const effects = reporting({ part: "auth", message: "Cannot start: REFRESH_TOKEN_KEY: weak" });
  assert.equal(
    troubleOf(await checkSettings(createDoctorContext({ workspace: "/home-of-dev" }), effects)),
    "fail: REFRESH_TOKEN_KEY: weak (auth)" +
      " → rm /home-of-dev/keys/refresh-token-key and start dev again, which makes a new one",
  );
  const variables = { REFRESH_TOKEN_KEY: "hidden" };
  assert.equal(
    troubleOf(await checkSettings(createDoctorContext({ variables }), effects)),
    "fail: REFRESH_TOKEN_KEY: weak (auth)" +
      " → set REFRESH_TOKEN_KEY to what deno task keys:new prints for it",
  );
});

Deno.test("a setting that dev itself refuses is a finding", async () => {
  const refusal = "Cannot start: PORT: must be a whole number from 1 to 65535";
  const context = createDoctorContext({ refusal, variables: { PORT: "hidden" } });
  assert.equal(
    troubleOf(await checkSettings(context, createEffects())),
    "fail: PORT: must be a whole number from 1 to 65535" +
      " → set PORT as docs/deploy.md describes, or unset it: dev generates it",
  );
});

Deno.test("programs that cannot check the settings are a finding", async () => {
  const effects = createEffects({
    configurationErrors: () => Promise.reject(new TypeError("error: Could not find package")),
  });
  assert.equal(
    troubleOf(await checkSettings(createDoctorContext(), effects)),
    "fail: the programs cannot check them: error: Could not find package" +
      " → deno install, deno task check",
  );
});

Deno.test("an error about keys is reported once, under the keys", async () => {
  const effects = reporting(
    gateway("Cannot start: PASSPORT_KEYS: has a kid twice"),
    { part: "auth", message: "Cannot start: PASSPORT_KEYS: has a kid twice" },
  );
  assert.equal(allWell(await checkSettings(createDoctorContext(), effects)).length, 1);
  const found = await checkKeys(createDoctorContext({ workspace: "/home-of-dev" }), effects);
  assert.equal(
    troubleOf(found),
    "fail: PASSPORT_KEYS: has a kid twice (gateway, auth)" +
      " → rm /home-of-dev/keys/passport-keys.json and start dev again, which makes a new one",
  );
});

Deno.test("keys are counted by state, and no kid is shown", async () => {
  const settings = {
    PASSPORT_KEYS: JSON.stringify([{ kid: "hidden", state: "signing" }, { state: "retired" }]),
  };
  assert.deepEqual(allWell(await checkKeys(createDoctorContext({ settings }), createEffects())), [
    "PASSPORT_KEYS has 2 keys, 1 signing",
    "ACCESS_TOKEN_KEYS has 1 key, 1 signing",
  ]);
});

Deno.test("missing keys are left for dev to generate", async () => {
  const found = await checkKeys(createDoctorContext({ dev: { name: "never" } }), createEffects());
  assert.deepEqual(allWell(found), [
    "PASSPORT_KEYS is made by dev, once",
    "ACCESS_TOKEN_KEYS is made by dev, once",
  ]);
});

Deno.test("keys that no program could read do not pass", async () => {
  const settings = { PASSPORT_KEYS: "hidden", ACCESS_TOKEN_KEYS: "" };
  const found: Finding[] = await checkKeys(createDoctorContext({ settings }), createEffects());
  assert.deepEqual(found.map(({ state, what }) => `${state}: ${what}`), [
    "warn: PASSPORT_KEYS was not read",
    "warn: ACCESS_TOKEN_KEYS was not read",
  ]);
});

Deno.test("a program without keys has no finding about them", async () => {
  const found = await checkKeys(createDoctorContext({ parts: ["gateway"] }), createEffects());
  assert.deepEqual(allWell(found), ["PASSPORT_KEYS has 1 key, 1 signing"]);
});

const look = (...names: string[]) =>
  checkNames(
    createDoctorContext({ variables: Object.fromEntries(names.map((name) => [name, "hidden"])) }),
  );

/** A misspelt name, and the setting that was meant. */
const misspelt = {
  OTEL_EXPORTER_OLTP_ENDPOINT: "OTEL_EXPORTER_OTLP_ENDPOINT",
  PASSPORT_KEY: "PASSPORT_KEYS",
  ISUERS: "ISSUERS",
  AUIDENCE: "AUDIENCE",
  public_origin: "PUBLIC_ORIGIN",
  UPSTASH_REDIS_REST_URI: "UPSTASH_REDIS_REST_URL",
  LOGLEVEL: "LOG_LEVEL",
  EDGEPASS_HOMES: "EDGEPASS_HOME",
};
for (const [name, meant] of Object.entries(misspelt)) {
  Deno.test(`${name} is reported as a misspelt ${meant}`, () => {
    const expected =
      `warn: nothing reads ${name} → unset ${name} and set ${meant}, if that is meant`;
    assert.equal(troubleOf(look(name)), expected);
  });
}

Deno.test("an unknown name with Edgepass's prefix is reported", () => {
  assert.equal(
    troubleOf(look("EDGEPASS_COLOUR")),
    "warn: nothing reads EDGEPASS_COLOUR → unset EDGEPASS_COLOUR; docs/deploy.md lists the settings",
  );
});

Deno.test("settings and the usual variables of a machine pass", () => {
  const machine = [
    ...["PATH", "HOME", "USER", "SHELL", "LANG", "TERM", "PWD", "HOST", "PORTS", "SOURCE"],
    ...["OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER", "OTEL_BLRP_SCHEDULE_DELAY", "SSL_CERT_FILE"],
  ];
  assert.deepEqual(allWell(look(...settingNames, ...machine)), [
    "no variable looks like a misspelt setting",
  ]);
});
