import assert from "node:assert/strict";
import { allWell, createDoctorContext, troubleOf } from "../../../tests/support/doctor.ts";
import { settingNames } from "../../workspace/settings.ts";
import { checkNames } from "./names.ts";

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
