import assert from "node:assert/strict";
import { type AuthSetup, password, setupAuth } from "../../tests/support/auth_service.ts";
import { expectNoContent, expectProblem } from "../../tests/support/services.ts";

const email = "learner@example.com";
const dayMs = 86_400_000;
const from = (address: string) => ({ headers: { "x-forwarded-for": address } });

/**
 * Two rows of each table that the maintenance cleans: one that has just expired, and one that has
 * not.
 */
async function fill(auth: AuthSetup, accountId: string): Promise<void> {
  const now = auth.clock.now();
  const put = async (sql: string, ...params: (string | number)[]) => {
    await auth.rows(`INSERT INTO ${sql}`, ...params);
  };
  const login = async (sid: string, expiresAt: number, endedAt: number | null) => {
    const columns = "logins (sid, account_id, created_at, last_used_at, expires_at, auth_time, amr";
    const ended = endedAt === null ? "NULL" : String(endedAt);
    await put(
      `${columns}, ended_at) VALUES (?, ?, 0, 0, ?, 0, '[]', ${ended})`,
      sid,
      accountId,
      expiresAt,
    );
    await put("refresh_tokens VALUES (?, ?, NULL, 'used', 0, 0, ?)", sid, sid, expiresAt);
  };
  for (const [what, at] of [["over", now], ["kept", now + 1]] as const) {
    const revocation = "revocations (level, id, value, expires_at, pushed)";
    await put(`${revocation} VALUES ('login', ?, 1, ?, 1)`, what, at);
    await put(`${revocation} VALUES ('subject', ?, 1, ?, 0)`, what, at);
    await put("guesses VALUES (?, 5, ?)", what, at);
    await put("address_claims VALUES (?, ?)", what, at);
    await put("known_networks VALUES (?, ?, ?)", accountId, what, at - 180 * dayMs);
    await login(`open ${what}`, at, null);
    await login(`ended ${what}`, now + dayMs, at - dayMs);
  }
}

const listed = {
  revocations: "SELECT level || ' ' || id FROM revocations",
  loginThrottle: "SELECT key FROM guesses",
  address_claims: "SELECT email FROM address_claims",
  known_networks: "SELECT network FROM known_networks",
  logins: "SELECT sid FROM logins",
  refresh_tokens: "SELECT hash FROM refresh_tokens",
} as const;

Deno.test("the maintenance deletes expired rows, and no valid ones", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const { id } = await auth.signUp(email);
  await auth.rows("DELETE FROM guesses");
  await fill(auth, id);
  await auth.app.maintain?.();
  const left: Record<string, unknown[]> = {};
  for (const [table, sql] of Object.entries(listed)) {
    left[table] = (await auth.rows(sql)).map(([key]) => key).sort();
  }
  assert.deepEqual(left, {
    revocations: ["login kept", "subject kept"],
    loginThrottle: ["kept"],
    address_claims: ["kept"],
    known_networks: ["kept"],
    logins: ["ended kept", "open kept"],
    refresh_tokens: ["ended kept", "open kept"],
  });
  assert.equal((await auth.rows("SELECT * FROM accounts")).length, 1);
  assert.equal((await auth.rows("SELECT * FROM outbox")).length, 1);
});

Deno.test("a network stays trusted for 180 days from the last login, not from the first", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  await auth.signUp(email);
  const home = from("203.0.113.7");
  const body = { email, password };
  const fromHome = () => auth.call("POST", "/auth/login", { body, ...home });
  const lock = async () => {
    const wrong = { email, password: "not the sentence" };
    await expectProblem(
      auth.call("POST", "/auth/login", { body: wrong, ...from("192.0.2.1") }),
      401,
      "credentials_invalid",
    );
    await auth.rows("UPDATE guesses SET count = 1000 WHERE key LIKE 'account:%'");
  };
  const logInAfter = async (days: number) => {
    auth.clock.advance(days * dayMs);
    await auth.app.maintain?.();
    await lock();
    return await fromHome();
  };
  assert.equal((await fromHome()).status, 200);
  assert.equal((await logInAfter(100)).status, 200);
  assert.equal((await logInAfter(100)).status, 200, "renewed by the login in between");
  await expectProblem(logInAfter(180), 429, "rate_limited");
});

Deno.test("a claim holds an address for one sign-up, and no longer than that may take", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const claim = "INSERT INTO address_claims VALUES (?, ?)";
  await auth.rows(claim, email, auth.clock.now() + 1);
  await auth.rows(claim, "other@example.com", auth.clock.now() + 1);
  const body = { email, password, name: "Demo Learner" };
  await expectProblem(auth.call("POST", "/auth/signup", { body }), 409, "email_taken");
  auth.clock.advance(1);
  await auth.signUp(email);
  assert.deepEqual(await auth.rows("SELECT email FROM address_claims"), [["other@example.com"]]);
});

/** What may end a login, or all of a person, after reuse has ended it. */
const endings = {
  "a logout": (auth: AuthSetup, _id: string, cookie: string) =>
    auth.call("POST", "/auth/logout", { headers: { cookie } }),
  "a log-out everywhere": (auth: AuthSetup, id: string) =>
    auth.call("POST", "/auth/logout-all", { as: { sub: `user:${id}`, sid: "another" } }),
};
for (const [what, end] of Object.entries(endings)) {
  Deno.test(`a family that ended by reuse reports reuse again, also after ${what}`, async () => {
    await using auth = await setupAuth();
    const { id } = await auth.signUp(email);
    const { refreshToken } = await auth.tokens({ email });
    await (await auth.exchange(refreshToken)).body?.cancel();
    auth.clock.advance(11_000);
    await expectProblem(auth.exchange(refreshToken), 401, "refresh_reused");
    await expectNoContent(end(auth, id, `refresh_token=${refreshToken}`));
    await expectProblem(auth.exchange(refreshToken), 401, "refresh_reused");
  });
}
