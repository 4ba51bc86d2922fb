import assert from "node:assert/strict";
import { asCaller, type AuthSetup, setupAuth } from "../tests/support/auth_service.ts";
import { expectNoContent } from "../tests/support/services.ts";
import { within } from "../tests/support/wait.ts";

const email = "learner@example.com";
/** Longest access-token life, leeway and margin, in seconds. */
const ttlSeconds = 900 + 5 + 60;

async function setup() {
  const auth = await setupAuth();
  const { id } = await auth.signUp(email);
  const admin = await auth.administrator();
  // The list in Redis has the whole log, so that a push appends to it and does not rebuild it.
  await auth.app.start?.();
  return { ...auth, id, admin, me: asCaller(await auth.tokens({ email })) };
}

/** Runs something once while Redis has a request and has not responded yet. */
function meanwhile(auth: AuthSetup, work: () => Promise<unknown>): void {
  let isDone = false;
  auth.redis.onRequest = async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
}

const pending = (auth: AuthSetup) =>
  auth.rows("SELECT level, value FROM revocations WHERE pushed = 0");

const pushes = {
  "a request": (auth: Awaited<ReturnType<typeof setup>>) =>
    expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me })),
  "the maintenance": async (auth: Awaited<ReturnType<typeof setup>>) => {
    auth.redis.mode = "down";
    const refused = await auth.call("POST", "/auth/logout-all", { as: auth.me });
    assert.equal(refused.status, 503);
    await refused.body?.cancel();
    auth.redis.mode = "up";
    await auth.app.maintain?.();
  },
};
for (const [who, push] of Object.entries(pushes)) {
  Deno.test(`a revocation that is raised while ${who} pushes it is pushed again`, async () => {
    await using auth = await setup();
    // As another instance would do it, unseen by this one.
    let isRaised = false;
    auth.redis.onRequest = async () => {
      if (isRaised || auth.redis.mode === "down") return;
      isRaised = true;
      await auth.rows("UPDATE revocations SET value = 3, pushed = 0 WHERE level = 'subject'");
    };
    await push(auth);
    assert.ok(isRaised);
    assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
    assert.deepEqual(await pending(auth), [["subject", 3]]);
    await auth.app.maintain?.();
    assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "3");
    assert.deepEqual(await pending(auth), []);
  });
}

Deno.test("a revocation that is extended while it is pushed is pushed again", async () => {
  await using auth = await setup();
  meanwhile(
    auth,
    () => auth.rows("UPDATE revocations SET expires_at = expires_at + 60000, pushed = 0"),
  );
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  assert.equal((await pending(auth)).length, 1);
  await auth.app.maintain?.();
  assert.equal(await auth.redis.command("TTL", `rv:s:${auth.me.sid}`), ttlSeconds + 60);
});

Deno.test("a revocation that is logged again unchanged while it is pushed is pushed again, without a rebuild", async () => {
  await using auth = await setup();
  meanwhile(auth, () => auth.rows("UPDATE revocations SET pushed = 0"));
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  assert.equal((await pending(auth)).length, 1);
  auth.redis.requests = 0;
  await auth.app.maintain?.();
  assert.equal(auth.redis.requests, 2, "the entry, and the check of the list");
  assert.equal(await auth.redis.command("GET", "rv:ready"), await auth.logPosition());
});

Deno.test("a request pushes its own revocation, and before it what was logged earlier", async () => {
  await using auth = await setup();
  const at = auth.clock.now() + ttlSeconds * 1000;
  const others = [["login", "0"], ["login", "z"], ["subject", auth.me.sid]] as const;
  for (const [level, id] of others) {
    const sql = "INSERT INTO revocations (level, id, value, expires_at) VALUES (?, ?, 1, ?)";
    await auth.rows(sql, level, id, at);
  }
  const keys = async () => (await auth.redis.command("KEYS", "rv:[su]:*") as string[]).sort();
  await expectNoContent(auth.call("POST", "/auth/logout", { as: auth.me }));
  assert.deepEqual(await pending(auth), []);
  const all = ["rv:s:0", `rv:s:${auth.me.sid}`, "rv:s:z", `rv:u:${auth.me.sid}`];
  assert.deepEqual((await keys()).filter((key) => all.includes(key)), all);
});

Deno.test("a request pushes its own subject's revocation, even when a login has the same id", async () => {
  await using auth = await setup();
  const sql = "INSERT INTO revocations (level, id, value, expires_at) VALUES ('login', ?, 1, ?)";
  await auth.rows(sql, auth.id, auth.clock.now() + ttlSeconds * 1000);
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  assert.equal(await auth.redis.command("GET", `rv:s:${auth.id}`), "1");
});

Deno.test("a second log-out everywhere expires as late as the tokens that it revokes", async () => {
  await using auth = await setup();
  const key = `rv:u:${auth.id}`;
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  auth.clock.advance(600_000);
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: auth.me }));
  // Redis has a clock of its own, so the durable log is checked instead.
  const [[expiresAt] = []] = await auth.rows(
    "SELECT expires_at FROM revocations WHERE level = 'subject'",
  );
  assert.equal(Number(expiresAt) - auth.clock.now(), ttlSeconds * 1000);
  assert.equal(await auth.redis.command("GET", key), "3");
});

Deno.test("a configuration that changes while another is pushed is pushed too", async () => {
  await using auth = await setup();
  const put = async (limit: number) => {
    const document = { services: { recommendation: { limit } } };
    const response = await auth.call("PUT", "/admin/configuration", {
      as: auth.admin,
      body: { document },
    });
    assert.equal(response.status, 200, await response.text());
  };
  await put(5);
  const again = `INSERT INTO configurations
    (version, document, changed, author_id, comment, created_at, pushed)
    SELECT 3, replace(document, '6', '7'), changed, author_id, comment, created_at, 0
    FROM configurations WHERE version = 2`;
  auth.redis.onRequest = async () => {
    const [[newest] = []] = await auth.rows("SELECT max(version) FROM configurations");
    if (newest === 2) await auth.rows(again);
  };
  await put(6);
  await auth.app.maintain?.();
  const stored = JSON.parse(String(await auth.redis.command("GET", "cfg:doc")));
  assert.deepEqual(stored, {
    version: 3,
    document: { services: { recommendation: { limit: 7 } } },
  });
});

Deno.test("the maintenance pushes everything that Redis has missed, however much", async () => {
  await using auth = await setup();
  for (let at = 0; at < 1001; at++) {
    await auth.rows(
      "INSERT INTO revocations (level, id, value, expires_at) VALUES ('login', ?, 1, ?)",
      `login-${at}`,
      auth.clock.now() + 60_000,
    );
  }
  const maintained = auth.app.maintain?.() ?? Promise.resolve();
  await within("the maintenance has pushed every row", maintained, 60_000);
  assert.deepEqual(await pending(auth), []);
  assert.equal((await auth.redis.command("KEYS", "rv:s:*") as string[]).length, 1001);
});
