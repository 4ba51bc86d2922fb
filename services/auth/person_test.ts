import assert from "node:assert/strict";
import { asCaller, type AuthSetup, password, setupAuth } from "../../tests/support/auth_service.ts";
import {
  expectJson,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import { type Session, SessionList } from "./schema.ts";

const email = "learner@example.com";
const missingId = "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f";

Deno.test("GET /auth/sessions lists the caller's active logins, newest first", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  await auth.tokens({ email: "other@example.com" });
  const logins = [];
  for (const agent of ["one", "two\u0007", "three"]) {
    logins.push(asCaller(await auth.tokens({ email }, { headers: { "user-agent": agent } })));
    auth.clock.advance(1000);
  }
  const [first, , third] = logins;
  assert.ok(first && third);
  await expectNoContent(auth.call("DELETE", `/auth/sessions/${first.sid}`, { as: third }));
  const list = await expectJson(
    auth.call("GET", "/auth/sessions", { as: third }),
    200,
    SessionList,
  );
  assert.deepEqual(
    list.items.map((session: Session) => [session.userAgent, session.current]),
    [["three", true], ["two", false]],
  );
  const page = await expectJson(
    auth.call("GET", "/auth/sessions?limit=1", { as: third }),
    200,
    SessionList,
  );
  const rest = await expectJson(
    auth.call("GET", `/auth/sessions?cursor=${page.nextCursor}`, { as: third }),
    200,
    SessionList,
  );
  assert.deepEqual([...page.items, ...rest.items], list.items);
});

Deno.test("DELETE /auth/sessions/{id} has the same response for other users', ended and unknown logins", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  const mine = asCaller(await auth.tokens({ email }));
  const other = asCaller(await auth.tokens({ email: "other@example.com" }));
  const end = (sid: string) => auth.call("DELETE", `/auth/sessions/${sid}`, { as: mine });
  for (const sid of [other.sid, missingId, "no-uuid"]) {
    await expectProblem(end(sid), 404, "not_found");
  }
  const own = await end(mine.sid);
  assert.equal(own.headers.getSetCookie().length, 2);
  await expectNoContent(own);
  await expectProblem(end(mine.sid), 404, "not_found");
  const [[open] = []] = await auth.rows("SELECT count(*) FROM logins WHERE ended_at IS NULL");
  assert.equal(open, 1);
});

const signedInRoutes = [
  ["POST", "/auth/logout-all"],
  ["POST", "/auth/password"],
  ["GET", "/auth/sessions"],
  ["DELETE", `/auth/sessions/${missingId}`],
  ["GET", "/internal/accounts/me"],
  ["DELETE", "/internal/accounts/me"],
  ["GET", `/internal/accounts/${missingId}`],
] as const;
for (const [method, path] of signedInRoutes) {
  Deno.test(`${method} ${path} refuses anonymous callers`, async () => {
    await using auth = await setupAuth();
    const call = (as: { sub: string } | null) =>
      auth.call(method, path, {
        as,
        ...(path === "/auth/password" ? { body: { current: password, next: password } } : {}),
      });
    await expectProblem(call({ sub: "anon" }), 401, "authentication_required");
    await expectProblem(call(null), 401, "passport_required");
    if (path === `/internal/accounts/${missingId}`) return;
    await expectProblem(call({ sub: "svc:course" }), 403, "forbidden");
  });
}

Deno.test("other services read a person's name, and roles only of the request's subject", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const me = asCaller(await auth.tokens({ email }));
  const get = async (path: string, as: Parameters<typeof auth.call>[2]) => {
    const response = await auth.call("GET", path, as);
    return [response.status, await response.json()];
  };
  assert.deepEqual(await get("/internal/accounts/me", { as: me }), [
    200,
    { id, name: "Demo Learner", roles: ["learner"] },
  ]);
  for (const as of [me, person(missingId), { sub: "svc:user" }]) {
    assert.deepEqual(await get(`/internal/accounts/${id}`, { as }), [
      200,
      { id, name: "Demo Learner" },
    ]);
  }
  const strangers = [`/internal/accounts/${missingId}`, "/internal/accounts/no-uuid"];
  for (const path of strangers) {
    await expectProblem(auth.call("GET", path, { as: me }), 404, "not_found");
  }
  const external = { sub: "user:google:123" };
  await expectProblem(
    auth.call("GET", "/internal/accounts/me", { as: external }),
    404,
    "not_found",
  );
});

Deno.test("an expired login is neither listed nor ended, and changes no password", async () => {
  await using auth = await setupAuth({ bindings: { SESSION_MAX_SECONDS: "100" } });
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  const first = asCaller(await auth.tokens({ email }));
  auth.clock.advance(60_000);
  const second = asCaller(await auth.tokens({ email }));
  const other = asCaller(await auth.tokens({ email: "other@example.com" }));
  auth.clock.advance(40_000);
  const { items } = await expectJson(
    auth.call("GET", "/auth/sessions", { as: second }),
    200,
    SessionList,
  );
  assert.deepEqual(items.map(({ id }: Session) => id), [second.sid]);
  const end = auth.call("DELETE", `/auth/sessions/${first.sid}`, { as: second });
  await expectProblem(end, 404, "not_found");
  const body = { current: password, next: "another sentence of mine" };
  const change = (as: { sub: string; sid: string }) =>
    auth.call("POST", "/auth/password", { as, body });
  await expectProblem(change(first), 401, "token_revoked");
  await expectProblem(change({ ...second, sid: other.sid }), 401, "token_revoked");
  await expectNoContent(change(second));
});

Deno.test("a new login's refresh cookie expires no later than the login", async () => {
  await using auth = await setupAuth({ bindings: { SESSION_MAX_SECONDS: "100" } });
  await auth.signUp(email);
  const response = await auth.logIn(email);
  await response.body?.cancel();
  const [, refresh = ""] = response.headers.getSetCookie();
  assert.match(refresh, /^refresh_token=.*; Max-Age=100;/);
});

/** Every row of the database in which a text occurs, by table. */
async function findRows(auth: AuthSetup, trace: string): Promise<Record<string, unknown[][]>> {
  const tables = await auth.rows(
    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
  );
  const found: Record<string, unknown[][]> = {};
  for (const [table] of tables) {
    const rows = await auth.rows(`SELECT * FROM ${table} ORDER BY 1`);
    const own = rows.filter((row) => JSON.stringify(row).includes(trace));
    if (own.length > 0) found[String(table)] = own.map((row) => [...row]);
  }
  return found;
}

Deno.test("a closed account leaves nothing of the person in any table, and other accounts untouched", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const other = await auth.signUp("other@example.com");
  const { id } = await auth.signUp(email);
  const headers = { "user-agent": "a browser", "x-forwarded-for": "203.0.113.7" };
  await auth.tokens({ email: "other@example.com" }, { headers });
  const as = asCaller(await auth.tokens({ email }, { headers }));
  const before = await findRows(auth, other.id);
  assert.ok(before.known_networks && before.logins && before.outbox && before.accounts);
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  assert.deepEqual(await findRows(auth, other.id), before);
  for (const trace of [email, "learner@", "203.0.113.7"]) {
    assert.deepEqual(await findRows(auth, trace), {}, trace);
  }
  const remaining = await findRows(auth, id);
  // Left are the account's end, the revocation of its tokens, and the order of its events.
  assert.deepEqual(Object.keys(remaining), [
    "accounts",
    "audit",
    "event_sequences",
    "logins",
    "outbox",
    "revocations",
  ]);
  for (const trace of ["Demo", "argon2id", "browser", '[\\"learner']) {
    assert.ok(!JSON.stringify(remaining).includes(trace), trace);
  }
  const open = "SELECT sid FROM logins WHERE account_id = ? AND ended_at IS NULL";
  assert.deepEqual(await auth.rows(open, id), []);
  assert.deepEqual(
    remaining.outbox?.map(([, , , event]) => JSON.parse(String(event)).type),
    ["user.deleted"],
  );
  assert.deepEqual(await auth.redis.command("KEYS", `*${id}*`), [`rv:u:${id}`]);
});

Deno.test("a closed account refuses every login, and its address can sign up again", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const tokens = await auth.tokens({ email });
  const as = asCaller(tokens);
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  assert.equal(await auth.redis.command("GET", `rv:u:${id}`), "2");
  await expectProblem(auth.exchange(tokens.refreshToken), 401, "refresh_invalid");
  await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  await expectProblem(auth.call("GET", `/internal/accounts/${id}`, { as }), 404, "not_found");
  await expectProblem(auth.call("GET", "/internal/accounts/me", { as }), 404, "not_found");
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  assert.notEqual((await auth.signUp(email)).id, id);
});
