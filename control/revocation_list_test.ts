import assert from "node:assert/strict";
import { asCaller, type AuthSetup, setupAuth } from "../tests/support/auth_service.ts";
import { expectNoContent, expectProblem } from "../tests/support/services.ts";
import { within } from "../tests/support/wait.ts";

const email = "learner@example.com";
const as = { sub: "svc:gateway" };

/** A person, and a list in Redis that has the whole log. */
async function setup() {
  const auth = await setupAuth();
  const { id } = await auth.signUp(email);
  await auth.app.start?.();
  const logIn = async () => asCaller(await auth.tokens({ email }));
  return {
    ...auth,
    id,
    logIn,
    ready: () => auth.redis.command("GET", "rv:ready"),
    entry: ({ sid }: { sid: string }) => auth.redis.command("GET", `rv:s:${sid}`),
    logOut: async () => {
      const me = await logIn();
      await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
      return me;
    },
    /** Restores Redis to its state before the last logout. */
    putBack: async (ready: unknown, lost: { sid: string }) => {
      await auth.redis.command("DEL", `rv:s:${lost.sid}`);
      await auth.redis.command("SET", "rv:ready", String(ready));
    },
  };
}

/** The statement by which version 0.1.0 logs the end of a login, without a position. */
const logAs010 = `INSERT INTO revocations (level, id, value, expires_at, pushed)
  VALUES ('login', ?, 1, ?, 0) ON CONFLICT (level, id) DO UPDATE SET
    expires_at = max(expires_at, excluded.expires_at), pushed = 0`;

async function logElsewhere(
  { rows, clock }: Pick<AuthSetup, "rows" | "clock">,
  sid: string,
): Promise<void> {
  await rows(logAs010, sid, clock.now() + 600_000);
}

Deno.test("each logged revocation advances the log by one, and Redis with it", async () => {
  await using auth = await setup();
  const [identity, before] = String(await auth.ready()).split(":");
  const me = await auth.logOut();
  assert.equal(await auth.ready(), `${identity}:${Number(before) + 1}`);
  // The same revocation again is a new entry: it expires later now.
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  assert.equal(await auth.ready(), `${identity}:${Number(before) + 2}`);
  assert.equal(await auth.ready(), await auth.logPosition());
});

Deno.test("an entry and its position are written by one script, so neither exists without the other", async () => {
  await using auth = await setup();
  const me = await auth.logIn();
  const before = await auth.ready();
  const seen: unknown[][] = [];
  auth.redis.onRequest = async () => void seen.push([await auth.ready(), await auth.entry(me)]);
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  assert.deepEqual(seen, [[before, null]], "one round trip");
  assert.deepEqual([await auth.ready(), await auth.entry(me)], [await auth.logPosition(), "1"]);
});

Deno.test("a revocation that an operator has set without a TTL keeps none, and never falls", async () => {
  await using auth = await setup();
  const me = await auth.logIn();
  const ttl = async () => [
    await auth.redis.command("TTL", `rv:s:${me.sid}`),
    await auth.redis.command("TTL", `rv:u:${auth.id}`),
  ];
  await auth.redis.command("SET", `rv:s:${me.sid}`, "1");
  await auth.redis.command("SET", `rv:u:${auth.id}`, "1");
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: await auth.logIn() }));
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "2");
  assert.deepEqual(await ttl(), [-1, -1]);
  await auth.redis.command("SET", `rv:u:${auth.id}`, "9");
  await expectNoContent(auth.call("POST", "/auth/logout-all", { as: await auth.logIn() }));
  assert.equal(await auth.redis.command("GET", `rv:u:${auth.id}`), "9");
  assert.deepEqual(await ttl(), [-1, -1]);
});

Deno.test("a position covers all entries before it, also those of other instances", async () => {
  await using auth = await setup();
  await logElsewhere(auth, "of-another-instance");
  const me = await auth.logOut();
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.deepEqual([await auth.entry({ sid: "of-another-instance" }), await auth.entry(me)], [
    "1",
    "1",
  ]);
});

Deno.test("a row that is logged again before it is pushed leaves no gap, and so rebuilds nothing", async () => {
  await using auth = await setup();
  const me = await auth.logIn();
  await logElsewhere(auth, "logged-twice");
  await logElsewhere(auth, "logged-twice");
  auth.redis.requests = 0;
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  assert.equal(auth.redis.requests, 1, "the entries alone, and no rebuild");
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.equal(await auth.entry({ sid: "logged-twice" }), "1");
});

Deno.test("a logout does not hide what Redis lost before it", async () => {
  await using auth = await setup();
  const before = await auth.ready();
  const lost = await auth.logOut();
  await auth.putBack(before, lost);
  await auth.logOut();
  assert.equal(await auth.entry(lost), "1");
  assert.equal(await auth.ready(), await auth.logPosition());
});

Deno.test("a revocation that is written before 500 earlier ones is written again after them", async () => {
  await using auth = await setup();
  const me = await auth.logIn();
  for (let row = 0; row < 501; row++) await logElsewhere(auth, `earlier-${row}`);
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  assert.equal(await auth.entry(me), "1");
  assert.notEqual(await auth.ready(), await auth.logPosition());
  // The position does not cover this entry yet, so it cannot show that Redis has lost the entry.
  await auth.redis.command("DEL", `rv:s:${me.sid}`);
  // Rows that stay unpushed would be pushed again without an end.
  const maintained = auth.app.maintain?.() ?? Promise.resolve();
  await within("the maintenance has pushed every row", maintained, 60_000);
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.equal(await auth.entry(me), "1");
});

Deno.test("a row that an instance of 0.1.0 marked as pushed without a position is repaired by the maintenance", async () => {
  await using auth = await setup();
  await logElsewhere(auth, "of-0.1.0");
  await auth.rows("UPDATE revocations SET pushed = 1 WHERE id = ?", "of-0.1.0");
  await auth.app.maintain?.();
  assert.equal(await auth.entry({ sid: "of-0.1.0" }), "1");
  assert.equal(await auth.ready(), await auth.logPosition());
});

Deno.test("the position of 0.1.0 is replaced by the next maintenance, and once", async () => {
  await using auth = await setup();
  await auth.redis.command("SET", "rv:ready", "1");
  await auth.app.maintain?.();
  assert.equal(await auth.ready(), await auth.logPosition());
  auth.redis.requests = 0;
  await auth.app.maintain?.();
  assert.equal(auth.redis.requests, 1);
});

Deno.test("the maintenance detects a restored Redis, and rebuilds the list", async () => {
  await using auth = await setup();
  const before = await auth.ready();
  const lost = await auth.logOut();
  await auth.putBack(before, lost);
  await auth.app.maintainUrgent?.();
  assert.equal(await auth.entry(lost), "1");
  assert.equal(await auth.ready(), await auth.logPosition());
});

Deno.test("a revocation that is logged and not pushed yet does not cause a rebuild", async () => {
  await using auth = await setup();
  auth.redis.onRequest = async (count) => {
    // Another instance logs one between this one's reads of the log and of Redis.
    if (count === 1) await logElsewhere(auth, "under-way");
  };
  auth.redis.requests = 0;
  await auth.app.maintain?.();
  assert.equal(auth.redis.requests, 1);
});

Deno.test("a log that was restored from a backup continues under another identity, and logs it", async () => {
  await using auth = await setup();
  const [identity] = String(await auth.ready()).split(":");
  const lost = await auth.logOut();
  await auth.rows("DELETE FROM revocations");
  await auth.rows("UPDATE revocation_log SET position = 1");
  await within("the log gets a new name", auth.app.maintain?.() ?? Promise.resolve());
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.ok(!String(await auth.ready()).startsWith(`${identity}:`));
  assert.equal(await auth.entry(lost), "1", "what Redis has beyond the log stays revoked");
  assert.ok(auth.log().some(({ message }) => String(message).includes("under another identity")));
});

Deno.test("a logout into a restored log renames it at once: its positions mean other entries", async () => {
  await using auth = await setup();
  const me = await auth.logIn();
  for (let round = 0; round < 3; round++) await auth.logOut();
  const before = String(await auth.ready());
  await auth.rows("UPDATE revocation_log SET position = 1");
  await auth.rows("UPDATE revocations SET position = 1");
  const loggedOut = auth.call("POST", "/auth/logout", { as: me });
  await expectNoContent(await within("the log gets a new name", loggedOut));
  const [identity] = String(await auth.ready()).split(":");
  assert.notEqual(identity, before.split(":")[0]);
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.equal(await auth.entry(me), "1");
});

Deno.test("a concurrent logout of another instance is not mistaken for a restored log: its identity stays, without a rebuild", async () => {
  await using auth = await setup();
  const [identity] = String(await auth.ready()).split(":");
  const [me, other] = [await auth.logIn(), await auth.logIn()];
  auth.redis.requests = 0;
  let isFirst = true;
  auth.redis.onRequest = async () => {
    if (!isFirst) return;
    isFirst = false;
    // Between this instance's read of the log and its script.
    await expectNoContent(auth.call("POST", "/auth/logout", { as: other }));
  };
  await expectNoContent(auth.call("POST", "/auth/logout", { as: me }));
  assert.equal(auth.redis.requests, 2, "the two pushes alone");
  assert.equal(await auth.ready(), await auth.logPosition());
  assert.ok(String(await auth.ready()).startsWith(`${identity}:`));
});

Deno.test("a Redis that is restored during its rebuild is not declared complete", async () => {
  await using auth = await setup();
  const insert = "INSERT INTO revocations (level, id, value, expires_at) VALUES ('login', ?, 1, ?)";
  for (let row = 0; row < 1_100; row++) {
    await auth.rows(insert, `login-${row}`, auth.clock.now() + 60_000);
  }
  const before = await auth.ready();
  auth.redis.requests = 0;
  auth.redis.onRequest = async (count) => {
    // Before the last step a replica takes over that has not received the previous step.
    if (count !== 3) return;
    const [key] = await auth.redis.command("KEYS", "rv:rebuild:*") as string[];
    await auth.redis.command("SET", key ?? "", "1");
  };
  const rebuild = () => auth.call("POST", "/internal/revocations/refill", { as });
  await expectProblem(rebuild(), 503, "revocation_unavailable");
  assert.equal(auth.redis.requests, 3, "the refused step is the last request");
  assert.equal(await auth.ready(), before);
  auth.redis.onRequest = () => Promise.resolve();
  const response = await rebuild();
  assert.equal(response.headers.get("revocation-position"), await auth.logPosition());
  await expectNoContent(response);
});

Deno.test("a Redis that is emptied between the last step of a rebuild and its end is not declared complete", async () => {
  await using auth = await setup();
  const me = await auth.logOut();
  auth.redis.requests = 0;
  auth.redis.onRequest = async (count) => {
    if (count === 2) await auth.redis.command("FLUSHALL");
  };
  const rebuild = () => auth.call("POST", "/internal/revocations/refill", { as });
  await expectProblem(rebuild(), 503, "revocation_unavailable");
  assert.deepEqual([await auth.ready(), await auth.entry(me)], [null, null]);
  await expectNoContent(rebuild());
  assert.deepEqual([await auth.ready(), await auth.entry(me)], [await auth.logPosition(), "1"]);
});

Deno.test("of many rebuilds at a time two run, and the others are refused for a moment", async () => {
  await using auth = await setup();
  const gate = Promise.withResolvers<void>();
  // The database is held, not Redis: a Redis that responds late would end the rebuilds by itself.
  const { run } = auth.database;
  const bothRun = Promise.withResolvers<void>();
  let held = 0;
  Object.assign(auth.database, {
    run: async (statement: Parameters<typeof run>[0]) => {
      if (++held === 2) bothRun.resolve();
      await gate.promise;
      return await run(statement);
    },
  });
  const rebuild = () => auth.call("POST", "/internal/revocations/refill", { as });
  const running = [rebuild(), rebuild()];
  try {
    // Passports are verified concurrently: a later request could run before the second of these.
    await within("two rebuilds run", bothRun.promise);
    for (let other = 0; other < 3; other++) {
      const refused = await within("a refusal does not wait", rebuild());
      assert.equal(refused.headers.get("retry-after"), "1");
      await expectProblem(refused, 503, "revocation_unavailable");
    }
  } finally {
    gate.resolve();
  }
  for (const response of running) await expectNoContent(response);
  await expectNoContent(rebuild());
  assert.equal(await auth.ready(), await auth.logPosition());
});

Deno.test("a configuration that Redis lost with its last writes is written again by the maintenance", async () => {
  await using auth = await setup();
  const admin = await auth.administrator();
  const path = "/admin/configuration";
  const document = { gateway: { logLevel: "debug" } };
  const put = await auth.call("PUT", path, { as: admin, body: { document } });
  await put.body?.cancel();
  const after = await auth.redis.command("GET", "cfg");
  if (after === null) return assert.fail(`No version is in force: ${put.status}`);
  await auth.redis.command("DEL", "cfg", "cfg:doc");
  await auth.app.maintain?.();
  assert.equal(await auth.redis.command("GET", "cfg"), after);
});
