import assert from "node:assert/strict";
import {
  asCaller,
  password,
  readClaims,
  readSetCookies,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import { expectJson, expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { ManagedAccount, TokenResponse } from "./schema.ts";

const email = "learner@example.com";
const next = "another sentence that only I know";
/** Longest access-token life, leeway and margin, in seconds. */
const ttlSeconds = 900 + 5 + 60;

/** One person with two logins, and the administrator. */
async function setup() {
  const auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const admin = await auth.administrator();
  const first = await auth.tokens({ email });
  const second = await auth.tokens({ email });
  return { ...auth, id, admin, first, second, me: asCaller(first) };
}

type Setup = Awaited<ReturnType<typeof setup>>;

const uvOf = async (auth: Setup) =>
  (await auth.rows("SELECT uv FROM accounts WHERE id = ?", auth.id))[0]?.[0];
const lives = async (auth: Setup, token: { refreshToken: string }) => {
  const response = await auth.exchange(token.refreshToken);
  await response.body?.cancel();
  return response.status === 200;
};

Deno.test("POST /auth/logout ends this login alone, in SQL and in Redis, and clears both cookies", async () => {
  await using auth = await setup();
  const response = await auth.call("POST", "/auth/logout", { as: auth.me });
  assert.deepEqual(Object.values(readSetCookies(response)).map(({ rest }) => rest), [
    "Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    "Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
  ]);
  await expectNoContent(response);
  const key = `rv:s:${auth.me.sid}`;
  assert.equal(await auth.redis.command("GET", key), "1");
  assert.equal(await auth.redis.command("TTL", key), ttlSeconds);
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), null);
  assert.deepEqual([await lives(auth, auth.first), await lives(auth, auth.second)], [false, true]);
});

Deno.test("clearing on https repeats the __Host- names, Path and Secure", async () => {
  await using auth = await setupAuth({ bindings: { PUBLIC_ORIGIN: "https://learn.example" } });
  await auth.signUp(email);
  const as = asCaller(await auth.tokens({ email }));
  const response = await auth.call("POST", "/auth/logout", { as });
  assert.deepEqual(response.headers.getSetCookie(), [
    "__Host-access_token=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
    "__Host-refresh_token=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict",
  ]);
  await expectNoContent(response);
});

Deno.test("POST /auth/logout accepts the refresh cookie alone, also a rotated one", async () => {
  for (const rotates of [false, true]) {
    await using auth = await setup();
    if (rotates) await lives(auth, auth.first);
    const headers = { cookie: `refresh_token=${auth.first.refreshToken}` };
    await expectNoContent(auth.call("POST", "/auth/logout", { headers }));
    assert.equal(await auth.redis.command("GET", `rv:s:${auth.me.sid}`), "1");
    assert.equal(await lives(auth, auth.first), false);
  }
});

Deno.test("POST /auth/logout is idempotent", async () => {
  await using auth = await setup();
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
});

Deno.test("POST /auth/logout refuses a request without credentials, and a cookie of no login", async () => {
  await using auth = await setup();
  await expectProblem(auth.call("POST", "/auth/logout"), 401, "authentication_required");
  const headers = { cookie: `refresh_token=${"A".repeat(43)}` };
  await expectProblem(auth.call("POST", "/auth/logout", { headers }), 401, "refresh_invalid");
});

Deno.test("POST /auth/logout with the cookie of another login ends both, also while Redis is down", async () => {
  await using auth = await setup();
  auth.redis.mode = "down";
  const headers = { cookie: `refresh_token=${auth.second.refreshToken}` };
  const refused = await auth.call("POST", "/auth/logout", { as: auth.me, headers });
  assert.deepEqual(Object.keys(readSetCookies(refused)), ["access_token", "refresh_token"]);
  await expectProblem(refused, 503, "revocation_unavailable");
  auth.redis.mode = "up";
  await auth.app.maintain?.();
  for (const { sid } of [auth.me, asCaller(auth.second)]) {
    assert.equal(await auth.redis.command("GET", `rv:s:${sid}`), "1");
  }
});

Deno.test("POST /auth/logout that could not be stored keeps the cookies for a retry", async () => {
  await using auth = await setup();
  const headers = { cookie: `refresh_token=${auth.first.refreshToken}` };
  await auth.rows("ALTER TABLE revocations RENAME TO away");
  const failed = await auth.call("POST", "/auth/logout", { headers });
  assert.deepEqual([failed.status, failed.headers.getSetCookie()], [500, []]);
  await failed.body?.cancel();
  await auth.rows("ALTER TABLE away RENAME TO revocations");
  await expectNoContent(auth.call("POST", "/auth/logout", { headers }));
  assert.equal(await auth.redis.command("GET", `rv:s:${auth.me.sid}`), "1");
});

Deno.test("POST /auth/logout-all raises uv and ends every login of that person only", async () => {
  await using auth = await setup();
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  assert.equal(await uvOf(auth), 2);
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  assert.equal(await auth.redis.command("TTL", `rv:u:${auth.id}`), ttlSeconds);
  assert.deepEqual([await lives(auth, auth.first), await lives(auth, auth.second)], [false, false]);
  const [[others] = []] = await auth.rows("SELECT count(*) FROM logins WHERE ended_at IS NULL");
  assert.equal(others, 1);
  assert.equal(readClaims((await auth.tokens({ email })).accessToken).uv, 2);
});

Deno.test("a password change ends the other logins, raises uv and returns new cookies", async () => {
  await using auth = await setup();
  const response = await auth.call("POST", "/auth/password", {
    as: auth.me,
    body: { current: password, next },
    headers: { cookie: `refresh_token=${auth.first.refreshToken}` },
  });
  const cookies = readSetCookies(response);
  await expectNoContent(response);
  const claims = readClaims(cookies.access_token?.value ?? "");
  assert.deepEqual([claims.uv, claims.sid], [2, auth.me.sid]);
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  assert.equal(await lives(auth, auth.second), false);
  assert.ok(await lives(auth, { refreshToken: cookies.refresh_token?.value ?? "" }));
  await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  await auth.tokens({ email, password: next });
});

Deno.test("a password change without the refresh cookie sets none, and the login can still refresh", async () => {
  await using auth = await setup();
  const response = await auth.call("POST", "/auth/password", {
    as: auth.me,
    body: { current: password, next },
  });
  assert.deepEqual(response.headers.getSetCookie(), []);
  await expectNoContent(response);
  const tokens = await expectJson(auth.exchange(auth.first.refreshToken), 200, TokenResponse);
  assert.equal(readClaims(tokens.accessToken).uv, 2);
});

const passwordRefusals = {
  "a wrong current one": [{ current: "not the sentence", next }, 401, "credentials_invalid"],
  "a short one": [{ current: password, next: "short" }, 422, "validation_failed"],
  "a well-known one": [{ current: password, next: "Password123" }, 422, "validation_failed"],
  "the same one": [{ current: password, next: password }, 422, "validation_failed"],
  "one over 1 KiB": [{ current: password, next: "x".repeat(1025) }, 422, "validation_failed"],
  "a huge current one": [{ current: "x".repeat(1025), next }, 422, "validation_failed"],
  "an unknown field": [{ current: password, next, uv: 9 }, 422, "validation_failed"],
} as const;
for (const [what, [body, status, code]] of Object.entries(passwordRefusals)) {
  Deno.test(`POST /auth/password refuses ${what} and changes nothing`, async () => {
    await using auth = await setup();
    await expectProblem(auth.call("POST", "/auth/password", { as: auth.me, body }), status, code);
    assert.equal(await uvOf(auth), 1);
    assert.ok(await lives(auth, auth.second));
  });
}

Deno.test("POST /auth/password refuses a login that has ended, though its Passport is still valid", async () => {
  await using auth = await setup();
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  const body = { current: password, next };
  await expectProblem(
    auth.call("POST", "/auth/password", { as: auth.me, body }),
    401,
    "token_revoked",
  );
});

Deno.test("new roles revoke the access tokens, keep the logins, and come with the next refresh", async () => {
  await using auth = await setup();
  const account = await expectJson(
    auth.call("PUT", `/auth/accounts/${auth.id}/roles`, {
      as: auth.admin,
      body: { roles: ["learner", "instructor", "learner"] },
    }),
    200,
    ManagedAccount,
  );
  assert.deepEqual(account.roles, ["instructor", "learner"]);
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  const tokens = await expectJson(auth.exchange(auth.first.refreshToken), 200, TokenResponse);
  const { uv, roles } = readClaims(tokens.accessToken);
  assert.deepEqual([uv, roles], [2, ["instructor", "learner"]]);
  assert.ok(await lives(auth, auth.second));
});

Deno.test("disabling ends every login; enabling restores none but allows new ones", async () => {
  await using auth = await setup();
  const path = `/auth/accounts/${auth.id}`;
  const post = (verb: string) =>
    expectJson(auth.call("POST", `${path}/${verb}`, { as: auth.admin }), 200, ManagedAccount);
  assert.equal((await post("disable")).disabled, true);
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  assert.deepEqual([await lives(auth, auth.first), await lives(auth, auth.second)], [false, false]);
  await expectProblem(auth.logIn(email), 401, "credentials_invalid");
  assert.equal((await post("enable")).disabled, false);
  assert.equal(await lives(auth, auth.first), false);
  assert.equal(readClaims((await auth.tokens({ email })).accessToken).uv, 3);
});

/** The operation that must write a revocation, and how to check it. */
const writers: Record<string, (auth: Setup) => Promise<Response>> = {
  "logout": ({ call, me }) => call("POST", "/auth/logout", { as: me }),
  "logout by cookie": ({ call, first }) =>
    call("POST", "/auth/logout", { headers: { cookie: `refresh_token=${first.refreshToken}` } }),
  "logout everywhere": ({ call, me }) => call("POST", "/auth/logout-all", { as: me }),
  "the end of a session": ({ call, me, second }) =>
    call("DELETE", `/auth/sessions/${asCaller(second).sid}`, { as: me }),
  "a change of password": ({ call, me }) =>
    call("POST", "/auth/password", { as: me, body: { current: password, next } }),
  "a change of roles": ({ call, admin, id }) =>
    call("PUT", `/auth/accounts/${id}/roles`, { as: admin, body: { roles: [] } }),
  "disabling": ({ call, admin, id }) => call("POST", `/auth/accounts/${id}/disable`, { as: admin }),
  "closing": ({ call, me }) => call("DELETE", "/internal/accounts/me", { as: me }),
};

for (const [what, write] of Object.entries(writers)) {
  for (const mode of ["read-only", "down"] as const) {
    Deno.test(`${what} is 503 while Redis is ${mode}, never a false success; the maintenance completes it`, async () => {
      await using auth = await setup();
      auth.redis.mode = mode;
      const refused = await write(auth);
      // A logout has ended in the log; the cookies of other changes are still good.
      assert.equal(
        refused.headers.getSetCookie().length,
        what.startsWith("logout") && what !== "logout everywhere" ? 2 : 0,
      );
      assert.ok(refused.headers.has("retry-after"));
      await expectProblem(refused, 503, "revocation_unavailable");
      await auth.app.maintain?.();
      assert.deepEqual(await auth.redis.command("KEYS", "rv:[su]:*"), []);
      auth.redis.mode = "up";
      await auth.app.maintain?.();
      assert.equal((await auth.redis.command("KEYS", "rv:[su]:*") as string[]).length, 1);
      auth.redis.requests = 0;
      await auth.app.maintain?.();
      assert.equal(
        auth.redis.requests,
        1,
        "an idle maintenance checks once whether the list is complete",
      );
    });
  }

  Deno.test(`${what}, repeated after a 503, succeeds once Redis is back`, async () => {
    await using auth = await setup();
    auth.redis.mode = "read-only";
    await expectProblem(write(auth), 503, "revocation_unavailable");
    auth.redis.mode = "up";
    const again = await write(auth);
    await again.body?.cancel();
    assert.ok(again.ok, String(again.status));
    assert.equal((await auth.redis.command("KEYS", "rv:[su]:*") as string[]).length, 1);
  });
}

Deno.test("rv:u is only ever raised, and its TTL never shortened", async () => {
  await using auth = await setup();
  const key = `rv:u:${auth.id}`;
  await auth.redis.command("SET", key, "7", "EX", 5000);
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  assert.equal(await auth.redis.command("GET", key), "7");
  assert.equal(await auth.redis.command("TTL", key), 5000);
  await auth.redis.command("SET", key, "1", "EX", 5000);
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  assert.equal(await auth.redis.command("GET", key), "3");
  assert.equal(await auth.redis.command("TTL", key), 5000);
  await auth.redis.command("SET", key, "1", "EX", 10);
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  assert.equal(await auth.redis.command("GET", key), "4");
  assert.equal(await auth.redis.command("TTL", key), ttlSeconds);
});

Deno.test("a rebuild writes all unexpired entries, in chunks, and then declares the list complete", async () => {
  await using auth = await setup();
  const at = auth.clock.now();
  const insert =
    "INSERT INTO revocations (level, id, value, expires_at, pushed) VALUES (?, ?, 1, ?, 1)";
  for (let row = 0; row < 1201; row++) {
    await auth.rows(insert, "login", `login-${row}`, at + 60_000);
  }
  await auth.rows(insert, "login", "expired", at);
  await auth.rows(insert, "subject", "person", at + 60_000);
  auth.redis.requests = 0;
  const as = { sub: "svc:gateway" };
  await expectNoContent(auth.call("POST", "/internal/revocations/refill", { as }));
  assert.equal(auth.redis.requests, 4);
  assert.equal((await auth.redis.command("KEYS", "rv:s:*") as string[]).length, 1201);
  assert.equal(await auth.redis.command("GET", "rv:u:person"), "1");
  assert.equal(await auth.redis.command("EXISTS", "rv:s:expired"), 0);
  assert.equal(await auth.redis.command("GET", "rv:ready"), await auth.logPosition());
  assert.equal(await auth.redis.command("TTL", "rv:ready"), -1);
});

Deno.test("a flush does not make a revoked token valid again", async () => {
  await using auth = await setup();
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  await auth.redis.command("FLUSHALL");
  const as = { sub: "svc:gateway" };
  await expectNoContent(auth.call("POST", "/internal/revocations/refill", { as }));
  assert.equal(await auth.redis.command("GET", `rv:s:${auth.me.sid}`), "1");
});

const rebuildRefusals = {
  "a person": [{ sub: "user:someone" }, 403, "forbidden"],
  "an administrator": [{ sub: "user:someone", roles: ["admin"] }, 403, "forbidden"],
  "an anonymous caller": [{ sub: "anon" }, 403, "forbidden"],
  "no Passport": [null, 401, "passport_required"],
} as const;
for (const [who, [as, status, code]] of Object.entries(rebuildRefusals)) {
  Deno.test(`POST /internal/revocations/refill refuses ${who}`, async () => {
    await using auth = await setup();
    await expectProblem(auth.call("POST", "/internal/revocations/refill", { as }), status, code);
    assert.equal(await auth.redis.command("EXISTS", "rv:ready"), 0);
  });
}

Deno.test("the rebuild is 503 while Redis refuses, and the list stays incomplete", async () => {
  await using auth = await setup();
  auth.redis.mode = "read-only";
  const as = { sub: "svc:gateway" };
  await expectProblem(
    auth.call("POST", "/internal/revocations/refill", { as }),
    503,
    "revocation_unavailable",
  );
  assert.equal(await auth.redis.command("EXISTS", "rv:ready"), 0);
});
