import assert from "node:assert/strict";
import { temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { machineVariables, parts } from "../../workspace/environment.ts";
import { validateInPrograms } from "./configuration_errors.ts";
import { readDoctorContext } from "./read_context.ts";

const secret = "A5EBiDsCjyR-Qu_kGs4ZSwzfyS3tDI2iBrCSnAhRZ08";
const another = "Zv2nVWk5OMYkBqNn8Y6Rb0qL6r9eTtM3JxVn1p0sWcQ";
const pair = { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: "a", state: "signing" };
const machine = machineVariables(Deno.env.toObject());

/** The settings, the parts that report an error, and the error. */
const refused = {
  "a Passport secret that is too short": [
    { PASSPORT_KEYS: JSON.stringify([{ kid: "a", secret: "c2hvcnQ", state: "signing" }]) },
    parts,
    "PASSPORT_KEYS (0.secret): must be at least 32 random bytes",
  ],
  "a kid twice": [
    {
      PASSPORT_KEYS: JSON.stringify([
        { kid: "a", secret, state: "signing" },
        { kid: "a", secret: another, state: "retired" },
      ]),
    },
    parts,
    "PASSPORT_KEYS: has a kid twice",
  ],
  "two access token keys that sign": [
    {
      ACCESS_TOKEN_KEYS: JSON.stringify({
        keys: [{ ...pair, x: secret, d: secret }, { ...pair, kid: "b", x: secret, d: secret }],
      }),
    },
    ["auth"],
    "ACCESS_TOKEN_KEYS (keys): must have exactly one key in state signing",
  ],
  "an access token key of two halves": [
    { ACCESS_TOKEN_KEYS: JSON.stringify({ keys: [{ ...pair, x: secret, d: another }] }) },
    ["auth"],
    "ACCESS_TOKEN_KEYS has a key whose halves do not match",
  ],
  "one secret for two purposes": [
    {
      PASSPORT_KEYS: JSON.stringify([{ kid: "a", secret, state: "signing" }]),
      REFRESH_TOKEN_KEY: secret,
    },
    ["auth"],
    "PASSPORT_KEYS and REFRESH_TOKEN_KEY share a secret",
  ],
  "a second issuer of our own name": [
    {
      ISSUER: "https://own.example.com",
      ISSUERS: JSON.stringify([{
        alias: "partner",
        iss: "https://own.example.com",
        audience: "here",
        jwks: "https://partner.example.com/jwks.json",
        algorithms: ["EdDSA"],
      }]),
    },
    ["gateway"],
    "ISSUERS has an iss twice: our own and partner",
  ],
  "a collector that is none": [
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "hidden-collector" },
    parts,
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be an http(s) URL",
  ],
  "Deno's own spans beside its own headers": [
    { OTEL_DENO: "true" },
    parts,
    "OTEL_PROPAGATORS",
  ],
} as const;

Deno.test("the programs report", async (t) => {
  await using workspace = await temporaryWorkspace();
  const validate = async (variables: Record<string, string>) =>
    await validateInPrograms(
      await readDoctorContext({ ...machine, EDGEPASS_HOME: workspace.path, ...variables }, {
        scope: "dev",
        parts,
      }),
    );
  await t.step("no error for the settings that dev generates", async () => {
    assert.deepEqual(await validate({}), []);
  });
  for (const [what, [variables, reporters, reason]] of Object.entries(refused)) {
    await t.step(`${what} as an error`, async () => {
      const configurationErrors = await validate(variables);
      assert.deepEqual(configurationErrors.map(({ part }) => part), reporters);
      for (const { message } of configurationErrors) {
        assert.ok(message.includes(reason), message);
        for (const value of [secret, another, "c2hvcnQ", "hidden"]) {
          assert.ok(!message.includes(value));
        }
      }
    });
  }
});

Deno.test("a deployment's program does not check settings that it does not read", async () => {
  const variables = { ...machine, COURSE_DB: "sqlite:/nowhere" };
  const context = await readDoctorContext(variables, {
    scope: "deployment",
    parts: ["course"],
  });
  const configurationErrors = await validateInPrograms(context);
  assert.deepEqual(configurationErrors, [
    { part: "course", message: "Cannot start: USER is missing" },
  ]);
});
