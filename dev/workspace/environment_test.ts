import assert from "node:assert/strict";
import {
  machineVariables,
  type Part,
  parts,
  reportToDev,
  servicesToRun,
  settingsOf,
  toClientSettings,
} from "./environment.ts";
import { serviceNames, services, settingNames, type Settings } from "./settings.ts";

const settings = Object.fromEntries(
  settingNames.map((name) => [name, `value of ${name}`]),
) as Settings;

const withEvents = serviceNames.filter((name) => services[name].hasEvents);

/** The programs that may have a secret. */
const owners: Readonly<Record<string, readonly Part[]>> = {
  ACCESS_TOKEN_KEYS: ["auth"],
  REFRESH_TOKEN_KEY: ["auth"],
  ADMIN_PASSWORD: ["auth"],
  AUTH_DB: ["auth"],
  AUTH_DB_TOKEN: ["auth"],
  USER_DB_TOKEN: ["user"],
  COURSE_DB_TOKEN: ["course"],
  ENROLLMENT_DB_TOKEN: ["enrollment"],
  RECOMMENDATION_DB_TOKEN: ["recommendation"],
  RECOMMENDER_KEY: ["recommendation"],
  UPSTASH_REDIS_REST_TOKEN: parts,
  ACCESS_TOKEN_KEYS_FILE: ["auth"],
  ROUTES: ["gateway", "auth"],
  PASSPORT_KEYS: parts,
  QSTASH_TOKEN: withEvents,
  QSTASH_CURRENT_SIGNING_KEY: withEvents,
  QSTASH_NEXT_SIGNING_KEY: withEvents,
  OTEL_EXPORTER_OTLP_HEADERS: [],
};

for (const [name, expected] of Object.entries(owners)) {
  Deno.test(`${name} reaches ${expected.join(", ") || "no program"}, and no other`, () => {
    const rollout = parts.filter((part) => name in settingsOf([part], settings));
    assert.deepEqual(rollout, expected);
  });
}

Deno.test("a setting without a value is not passed on", () => {
  assert.ok(!("USER_DB_TOKEN" in settingsOf(["user"], { ...settings, USER_DB_TOKEN: "" })));
});

Deno.test("programs export telemetry to dev alone, whatever was given, and write their lines once", () => {
  const given = { ...settings, DASHBOARD_PORT: "8788", OTEL_LOGS_EXPORTER: "" };
  for (const part of parts) {
    const own = settingsOf([part], reportToDev(given));
    const endpoints = Object.entries(own).filter(([name]) => /^OTEL_.*ENDPOINT$/.test(name));
    assert.deepEqual(endpoints, [
      ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:8788"],
      ["OTEL_EXPORTER_ZIPKIN_ENDPOINT", "value of OTEL_EXPORTER_ZIPKIN_ENDPOINT"],
    ]);
    assert.equal(own.OTEL_LOGS_EXPORTER, "none");
  }
  assert.equal(reportToDev({ ...given, OTEL_LOGS_EXPORTER: "otlp" }).OTEL_LOGS_EXPORTER, "otlp");
});

Deno.test("a child gets few of the machine's variables, and never a proxy for loopback", () => {
  const variables = machineVariables({
    PATH: "/bin",
    AWS_SECRET_ACCESS_KEY: "x",
    NO_PROXY: "a.test",
  });
  assert.deepEqual(variables, {
    PATH: "/bin",
    NO_PROXY: "a.test,127.0.0.1,localhost",
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
  });
});

Deno.test("a service that is placed elsewhere is not run", () => {
  const none = Object.fromEntries(Object.values(services).map(({ place }) => [place, ""]));
  const here = { ...settings, ...none };
  assert.deepEqual(servicesToRun(here), serviceNames);
  const elsewhere = { ...here, USER: "https://user.test" };
  assert.deepEqual(servicesToRun(elsewhere), serviceNames.filter((name) => name !== "user"));
});

Deno.test("dev.env has no empty setting that Deno reads itself", () => {
  const clientSettings = toClientSettings({
    ...settings,
    OTEL_DENO: "",
    OTEL_PROPAGATORS: "none",
    ROUTES: "",
  });
  assert.equal("OTEL_DENO" in clientSettings, false);
  assert.deepEqual([clientSettings.OTEL_PROPAGATORS, clientSettings.ROUTES], ["none", ""]);
});

Deno.test("a process that joins by dev.env gets no private Passport key", () => {
  const PASSPORT_KEYS = '[{"kid":"p1","secret":"s"},{"kid":"a1","alg":"EdDSA","jwk":{"d":"x"}}]';
  const clientSettings = toClientSettings({ ...settings, PASSPORT_KEYS });
  assert.equal(clientSettings.PASSPORT_KEYS, '[{"kid":"p1","secret":"s"}]');
  assert.deepEqual({ ...clientSettings, PASSPORT_KEYS: "" }, { ...settings, PASSPORT_KEYS: "" });
});
