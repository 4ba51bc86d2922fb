import assert from "node:assert/strict";
import { asCaller, password, setupAuth } from "../../tests/support/auth_service.ts";
import {
  expectJson,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import { type Session, SessionList } from "./schema.ts";

const email = "learner@example.com";
const nobody = "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f";

Deno.test("GET /auth/sessions lists one's own living logins, newest first", async () => {
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

Deno.test("DELETE /auth/sessions/{id} refuses other people's, ended and unknown logins alike", async () => {
  await using auth = await setupAuth();
  await auth.signUp(email);
  await auth.signUp("other@example.com");
  const mine = asCaller(await auth.tokens({ email }));
  const other = asCaller(await auth.tokens({ email: "other@example.com" }));
  const end = (sid: string) => auth.call("DELETE", `/auth/sessions/${sid}`, { as: mine });
  for (const sid of [other.sid, nobody, "no-uuid"]) await expectProblem(end(sid), 404, "not_found");
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
  ["DELETE", `/auth/sessions/${nobody}`],
  ["GET", "/internal/accounts/me"],
  ["DELETE", "/internal/accounts/me"],
  ["GET", `/internal/accounts/${nobody}`],
] as const;
for (const [method, path] of signedInRoutes) {
  Deno.test(`${method} ${path} refuses who is not signed in`, async () => {
    await using auth = await setupAuth();
    const call = (as: { sub: string } | null) =>
      auth.call(method, path, {
        as,
        ...(path === "/auth/password" ? { body: { current: password, next: password } } : {}),
      });
    await expectProblem(call({ sub: "anon" }), 401, "authentication_required");
    await expectProblem(call(null), 401, "passport_required");
    if (path === `/internal/accounts/${nobody}`) return;
    await expectProblem(call({ sub: "svc:course" }), 403, "forbidden");
  });
}

Deno.test("other services learn a person's name, and roles only of the person who asks", async () => {
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
  for (const as of [me, person(nobody), { sub: "svc:user" }]) {
    assert.deepEqual(await get(`/internal/accounts/${id}`, { as }), [
      200,
      { id, name: "Demo Learner" },
    ]);
  }
  const strangers = [`/internal/accounts/${nobody}`, "/internal/accounts/no-uuid"];
  for (const path of strangers) {
    await expectProblem(auth.call("GET", path, { as: me }), 404, "not_found");
  }
  const foreign = { sub: "user:google:123" };
  await expectProblem(auth.call("GET", "/internal/accounts/me", { as: foreign }), 404, "not_found");
});

Deno.test("a closed account keeps nothing of the person, and the address can sign up again", async () => {
  await using auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const tokens = await auth.tokens({ email }, { headers: { "user-agent": "a browser" } });
  const as = asCaller(tokens);
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  assert.equal(await auth.redis.command("GET", `rv:u:${id}`), "2");
  const kept = JSON.stringify([
    await auth.rows("SELECT * FROM accounts WHERE id = ?", id),
    await auth.rows("SELECT * FROM logins WHERE account_id = ?", id),
    await auth.rows("SELECT * FROM known_networks WHERE account_id = ?", id),
  ]);
  for (const trace of [email, "Demo", "argon2id", "browser"]) {
    assert.ok(!kept.includes(trace), trace);
  }
  await expectProblem(auth.exchange(tokens.refreshToken), 401, "refresh_invalid");
  await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  await expectProblem(auth.call("GET", `/internal/accounts/${id}`, { as }), 404, "not_found");
  await expectProblem(auth.call("GET", "/internal/accounts/me", { as }), 404, "not_found");
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  assert.notEqual((await auth.signUp(email)).id, id);
});
