import assert from "node:assert/strict";
import { ConfigError, retirementSeconds } from "@edgepass/shared/configuration";
import { setupControl } from "../tests/support/control_service.ts";
import { expectJson } from "../tests/support/services.ts";
import { composeControl } from "./compose.ts";
import { Configuration } from "./schema.ts";

const refused: Record<string, Record<string, unknown>> = {
  ISSUERS: {
    "nothing": undefined,
    "no issuer": "[]",
    "no JSON": "corp",
    "our own people": '[{"alias":"user"}]',
    "an alias with a colon": '[{"alias":"corp:eu"}]',
    "no alias": '[{"iss":"https://id.example"}]',
    "one alias twice": '[{"alias":"corp","maxLifeSeconds":60},{"alias":"corp"}]',
    "the name of programs": '[{"alias":"svc"}]',
  },
  CONTROL_DB: { "nothing": undefined, "a file": "sqlite:control.db" },
  PASSPORT_KEYS: { "nothing": undefined, "no JSON": "keys" },
  ROUTES: { "no JSON": "routes", "a route without a rule": '[{"prefix":"/a"}]' },
  UPSTASH_REDIS_REST_URL: { "nothing": undefined },
};
for (const [name, values] of Object.entries(refused)) {
  for (const [what, value] of Object.entries(values)) {
    Deno.test(`the control plane does not start with ${what} in ${name}, and names it`, async () => {
      await using control = await setupControl();
      assert.throws(() => composeControl({ ...control.settings, [name]: value }), (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        return error.message.includes(name);
      });
    });
  }
}

Deno.test("a token of Redis that also signs Passports is refused at start", async () => {
  await using control = await setupControl();
  const [{ secret }] = JSON.parse(String(Reflect.get(control.settings, "PASSPORT_KEYS")));
  const settings = { ...control.settings, UPSTASH_REDIS_REST_TOKEN: secret };
  assert.throws(() => composeControl(settings), (error) => {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message ===
      "Cannot start: PASSPORT_KEYS and UPSTASH_REDIS_REST_TOKEN share a secret";
  });
});

Deno.test("alone, the document has the platform's sections, and no key states that nothing reads", async () => {
  await using control = await setupControl();
  const document = {
    gateway: { logLevel: "debug" },
    services: { control: { logLevel: "warn" } },
    keys: { passport: { old: "retired" } },
  };
  const { changedBy } = await expectJson(control.put(document), 200, Configuration);
  assert.equal(changedBy, "corp:boss");
  const faults = {
    "document.services.user": { services: { user: { logLevel: "warn" } } },
    "document.keys.access": { keys: { access: { a1: "revoked" } } },
    "document.keys.passport": { keys: { passport: { test: "revoked" } } },
  };
  for (const [path, faulty] of Object.entries(faults)) {
    const response = await control.put(faulty);
    const { errors } = await response.json();
    assert.deepEqual([response.status, errors[0].path], [422, path]);
  }
  assert.deepEqual(await control.rows("SELECT version FROM configurations"), [[1]]);
  assert.deepEqual(await control.rows("SELECT id FROM revocations"), []);
});

Deno.test("[D05] alone, a slowCallMs below the timeoutMs of a row of ROUTES is refused", async () => {
  const upstream = "http://127.0.0.1:9999";
  const row = { prefix: "/slow", upstream, access: "public", timeoutMs: 30_000 };
  await using control = await setupControl({ ROUTES: JSON.stringify([row]) });
  const put = (slowCallMs: number) =>
    control.put({
      gateway: { dependencies: { "127.0.0.1:9999": { breaker: { slowCallMs } } } },
    });
  const refused = await put(29_999);
  const { errors: [fault] } = await refused.json();
  assert.deepEqual([refused.status, fault], [422, {
    path: "document.gateway.dependencies.127.0.0.1:9999.breaker.slowCallMs",
    message: "must be at least the longest timeoutMs of its routes, 30000",
  }]);
  await expectJson(put(30_000), 200, Configuration);
});

Deno.test("alone, the maintenance revokes a retired Passport key in its own name", async () => {
  await using control = await setupControl();
  const keys = (state: string) => ({ keys: { passport: { old: state } } });
  await expectJson(control.put(keys("retired")), 200, Configuration);
  control.clock.advance(retirementSeconds("passport", 5) * 1000);
  await control.app.maintain?.();
  const current = control.call("GET", "/admin/configuration", { as: control.admin });
  const { version, document, changedBy } = await expectJson(current, 200, Configuration);
  assert.deepEqual([version, document, changedBy], [2, keys("revoked"), "svc:control"]);
});

Deno.test("readiness reports a store that is unavailable", async () => {
  await using control = await setupControl();
  const ready = async () => {
    const response = await control.call("GET", "/readyz", { as: null });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await ready(), 200);
  await control.rows("ALTER TABLE revocations RENAME TO elsewhere");
  assert.equal(await ready(), 503);
});
