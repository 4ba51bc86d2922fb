import assert from "node:assert/strict";
import {
  asCaller,
  makeAccessTokenKeys,
  password,
  setupAuth,
} from "../tests/support/auth_service.ts";
import { setupControl } from "../tests/support/control_service.ts";

const email = "learner@example.com";

/** Auth with a person, the administrator, and a key that may be revoked. */
async function setup() {
  const keys = await makeAccessTokenKeys();
  const auth = await setupAuth({ bindings: { ACCESS_TOKEN_KEYS: keys } });
  const { id } = await auth.signUp(email);
  const admin = await auth.administrator();
  const first = await auth.tokens({ email });
  const other = asCaller(await auth.tokens({ email }));
  const unused: string = JSON.parse(keys).keys[1].kid;
  return { ...auth, id, admin, me: asCaller(first), other, unused };
}

type Setup = Awaited<ReturnType<typeof setup>>;

/** Every change that revokes something. */
const changes: Record<string, (auth: Setup) => Promise<Response>> = {
  "a logout": ({ call, me }) => call("POST", "/auth/logout", { as: me }),
  "a logout everywhere": ({ call, me }) => call("POST", "/auth/logout-all", { as: me }),
  "the end of a session": ({ call, me, other }) =>
    call("DELETE", `/auth/sessions/${other.sid}`, { as: me }),
  "a change of password": ({ call, me }) =>
    call("POST", "/auth/password", {
      as: me,
      body: { current: password, next: "another of mine" },
    }),
  "a change of roles": ({ call, admin, id }) =>
    call("PUT", `/auth/accounts/${id}/roles`, { as: admin, body: { roles: ["instructor"] } }),
  "disabling": ({ call, admin, id }) => call("POST", `/auth/accounts/${id}/disable`, { as: admin }),
  "closing": ({ call, me }) => call("DELETE", "/internal/accounts/me", { as: me }),
  "the revocation of a key": ({ call, admin, unused }) => {
    const document = { keys: { access: { [unused]: "revoked" } } };
    return call("PUT", "/admin/configuration", { as: admin, body: { document } });
  },
};

const tables = ["accounts", "logins", "refresh_tokens", "audit", "outbox", "configurations"];

for (const [what, change] of Object.entries(changes)) {
  Deno.test(`${what} is not made when its revocation cannot be logged`, async () => {
    await using auth = await setup();
    const read = () => Promise.all(tables.map((table) => auth.rows(`SELECT * FROM ${table}`)));
    const refuse = "CREATE TRIGGER refuse BEFORE INSERT ON revocations";
    await auth.rows(`${refuse} BEGIN SELECT RAISE(ABORT, 'refused'); END`);
    const before = await read();
    const response = await change(auth);
    await response.body?.cancel();
    assert.ok(response.status >= 500, String(response.status));
    assert.deepEqual(await read(), before);
    await auth.rows("DROP TRIGGER refuse");
    const again = await change(auth);
    await again.body?.cancel();
    assert.ok(again.ok, String(again.status));
    assert.notDeepEqual(await read(), before);
    assert.equal((await auth.rows("SELECT id FROM revocations")).length, 1);
  });
}

Deno.test("a revocation by API is not made when it cannot be audited", async () => {
  await using control = await setupControl();
  const refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit";
  await control.rows(`${refuse} BEGIN SELECT RAISE(ABORT, 'refused'); END`);
  const response = await control.revoke({ issuer: "corp", level: "token", id: "42" });
  await response.body?.cancel();
  assert.ok(response.status >= 500, String(response.status));
  assert.deepEqual(await control.rows("SELECT id FROM revocations"), []);
  assert.equal(await control.redis.command("GET", "rv:j:corp:42"), null);
});
