import assert from "node:assert/strict";
import {
  administrator,
  asCaller,
  type AuthSetup,
  cheapCost,
  password,
  setupAuth,
} from "../../tests/support/auth_service.ts";
import { createFakeQstash, eventBindings } from "../../tests/support/events.ts";
import { expectJson, expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { createPasswordHasher } from "./passwords/hasher.ts";
import { ManagedAccount } from "./schema.ts";

const email = "learner@example.com";

/** Type, number and data of the events published about a person, in their order. */
async function publishedOf(auth: AuthSetup, id: string): Promise<unknown[]> {
  const events = (await auth.publishedEvents()).filter(({ subject }) => subject === id);
  return events.map(({ type, sequence, data }) => [type, Number(sequence), data]);
}

/** A learner, and the changes an administrator may make to them. */
async function setupLearner(auth: AuthSetup) {
  const { id } = await auth.signUp(email);
  const as = await auth.administrator();
  const attempt = (method: string, verb: string, body?: unknown) =>
    auth.call(method, `/auth/accounts/${id}/${verb}`, { as, body });
  const change = (...request: Parameters<typeof attempt>) =>
    expectJson(attempt(...request), 200, ManagedAccount);
  const close = async () => {
    const me = asCaller(await auth.tokens({ email }));
    return await auth.call("DELETE", "/internal/accounts/me", { as: me });
  };
  return { id, as, attempt, change, close };
}

Deno.test("a sign-up is published once, with the name and without the address", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const { id } = await auth.signUp(email);
  const [event, ...others] = await auth.publishedEvents();
  assert.deepEqual(others, []);
  const { id: _id, traceparent: _traceparent, ...rest } = event ?? {};
  assert.deepEqual(rest, {
    specversion: "1.0",
    source: "/auth",
    type: "user.registered",
    subject: id,
    time: "2026-03-01T09:30:00.000Z",
    datacontenttype: "application/json",
    dataschema: "urn:edgepass:event:user.registered:1",
    data: { name: "Demo Learner" },
    sequence: "00000000000000000001",
  });
});

Deno.test("the longest name that a sign-up accepts fits into an event", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  for (const [at, name] of ["x".repeat(100), "🙂".repeat(50), "x"].entries()) {
    const body = { email: `learner${at}@example.com`, password, name };
    const response = await auth.call("POST", "/auth/signup", { body });
    assert.equal(response.status, 201, await response.text());
  }
  assert.equal((await auth.publishedEvents()).length, 3);
});

Deno.test("the event tables are those of every service", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, import.meta.url));
  const own = await read("./migrations/0004_events.sql");
  assert.equal(own, await read("../../shared/events/tables.sql"));
});

Deno.test("an event has the trace of the request that caused it", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await auth.signUp(email, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });
  const [event] = await auth.publishedEvents();
  assert.equal(String(event?.traceparent).split("-")[1], traceId);
});

Deno.test("the first administrator is published once, however many instances start", async () => {
  await using auth = await setupAuth();
  await Promise.all([auth.app.start?.(), auth.compose().start?.(), auth.compose().start?.()]);
  await auth.compose().start?.();
  const events = await auth.publishedEvents();
  assert.deepEqual(events.map(({ type, data }) => [type, data]), [
    ["user.registered", { name: "Administrator" }],
  ]);
});

Deno.test("fifty parallel sign-ups for one address create one account and one event", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const body = { email, password, name: "Demo Learner" };
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => auth.call("POST", "/auth/signup", { body })),
  );
  await Promise.all(responses.map((response) => response.body?.cancel()));
  assert.equal(responses.filter(({ status }) => status === 201).length, 1);
  const accounts = await auth.rows("SELECT id FROM accounts");
  const events = await auth.publishedEvents();
  assert.deepEqual(events.map(({ type, subject }) => [type, [subject]]), [
    ["user.registered", accounts[0]],
  ]);
  assert.equal(accounts.length, 1);
});

Deno.test("of two sign-ups after an expired claim one is stored, with its event", async () => {
  const hasher = createPasswordHasher({ cost: cheapCost });
  const slow = Promise.withResolvers<void>();
  const hashing = Promise.withResolvers<void>();
  let isFirst = true;
  const passwords = {
    ...hasher,
    async hash(text: string) {
      const waits = isFirst;
      isFirst = false;
      hashing.resolve();
      if (waits) await slow.promise;
      return await hasher.hash(text);
    },
  };
  await using auth = await setupAuth({ passwords, bindings: { ADMIN_EMAIL: "" } });
  const body = { email, password, name: "Too Late" };
  const late = auth.call("POST", "/auth/signup", { body });
  await hashing.promise;
  // Its claim expires before its hash is done.
  auth.clock.advance(60_000);
  const { id } = await auth.signUp(email);
  slow.resolve();
  await expectProblem(late, 409, "email_taken");
  assert.deepEqual((await auth.publishedEvents()).map(({ subject }) => subject), [id]);
  assert.deepEqual(await auth.rows("SELECT subject FROM event_sequences"), [[id]]);
});

Deno.test("a sign-up that is repeated under its idempotency key is published once", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  const headers = { "idempotency-key": "01936f7e-8c2a-7b3d-9e4f-5a6b7c8d9e0f" };
  const first = await auth.signUp(email, { headers });
  assert.deepEqual(await auth.signUp(email, { headers }), first);
  assert.equal((await auth.publishedEvents()).length, 1);
});

Deno.test("the stored response of a sign-up is deleted with the account, and no other", async () => {
  await using auth = await setupAuth({ bindings: { ADMIN_EMAIL: "" } });
  for (const [key, address] of [["k1", email], ["k2", "other@example.com"]] as const) {
    await auth.signUp(address, { headers: { "idempotency-key": key } });
  }
  const stored = async () =>
    (await auth.rows("SELECT body FROM idempotency_keys")).map(([body]) => String(body));
  assert.equal((await stored()).length, 2);
  const as = asCaller(await auth.tokens({ email }));
  await expectNoContent(auth.call("DELETE", "/internal/accounts/me", { as }));
  const [left = "", ...others] = await stored();
  assert.ok(left.includes("other@example.com") && others.length === 0);
});

Deno.test("every change is published once and in order; a request without effect is not published", async () => {
  await using auth = await setupAuth();
  const { id, change } = await setupLearner(auth);
  for (const _ of [1, 2]) await change("PUT", "roles", { roles: ["learner", "instructor"] });
  for (const _ of [1, 2]) await change("POST", "disable");
  for (const _ of [1, 2]) await change("POST", "enable");
  const newPassword = { current: password, next: "another sentence of mine" };
  const me = asCaller(await auth.tokens({ email }));
  await (await auth.call("POST", "/auth/password", { as: me, body: newPassword })).body?.cancel();
  assert.deepEqual(await publishedOf(auth, id), [
    ["user.registered", 1, { name: "Demo Learner" }],
    ["user.roles-changed", 2, { roles: ["instructor", "learner"] }],
    ["user.disabled", 3, {}],
    ["user.enabled", 4, {}],
  ]);
  assert.ok(!JSON.stringify(await auth.publishedEvents()).includes("@"), "no address in any event");
  await expectNoContent(
    auth.call("DELETE", "/internal/accounts/me", {
      as: asCaller(await auth.tokens({ email, password: newPassword.next })),
    }),
  );
  // Earlier events contain the person's name: of a closed account only its end stays.
  assert.deepEqual(await publishedOf(auth, id), [["user.deleted", 5, {}]]);
  const gone = auth.call("DELETE", "/internal/accounts/me", { as: me });
  await expectNoContent(gone);
  assert.equal((await publishedOf(auth, id)).length, 1);
});

Deno.test("parallel requests for the same change publish it once", async () => {
  await using auth = await setupAuth();
  const { id, attempt } = await setupLearner(auth);
  for (
    const [method, verb, body] of [
      ["PUT", "roles", { roles: ["instructor"] }],
      ["POST", "disable"],
      ["POST", "enable"],
    ] as const
  ) {
    const responses = await Promise.all(
      Array.from({ length: 10 }, () => attempt(method, verb, body)),
    );
    for (const response of responses) await expectJson(response, 200, ManagedAccount);
  }
  const types = ["user.registered", "user.roles-changed", "user.disabled", "user.enabled"];
  const published = await auth.publishedEvents();
  assert.deepEqual(
    published.filter(({ subject }) => subject === id).map(({ type }) => type),
    types,
  );
});

Deno.test("a refused change is not published", async () => {
  await using auth = await setupAuth();
  const as = await auth.administrator();
  const before = await auth.publishedEvents();
  const path = `/auth/accounts/${as.id}`;
  await expectProblem(auth.call("POST", `${path}/disable`, { as }), 409, "conflict");
  const body = { roles: ["learner"] };
  await expectProblem(auth.call("PUT", `${path}/roles`, { as, body }), 409, "conflict");
  const closing = auth.call("DELETE", "/internal/accounts/me", { as });
  await expectProblem(closing, 409, "conflict");
  assert.deepEqual(await auth.publishedEvents(), before);
});

Deno.test("a change whose revocation Redis missed is published, and not again by a retry", async () => {
  await using auth = await setupAuth();
  const { id, attempt, change } = await setupLearner(auth);
  auth.redis.mode = "down";
  await expectProblem(attempt("POST", "disable"), 503, "revocation_unavailable");
  auth.redis.mode = "up";
  await change("POST", "disable");
  assert.deepEqual((await publishedOf(auth, id)).slice(1), [["user.disabled", 2, {}]]);
});

const triggers = {
  "an event that cannot be stored": "INSERT ON outbox",
  "a sequence that cannot be assigned": "INSERT ON event_sequences",
  "an audit row that cannot be stored": "INSERT ON audit",
} as const;
for (const [what, where] of Object.entries(triggers)) {
  Deno.test(`${what} rolls back the whole change`, async () => {
    await using auth = await setupAuth();
    const { id, attempt, close } = await setupLearner(auth);
    await auth.rows(
      `CREATE TRIGGER full BEFORE ${where} BEGIN SELECT RAISE(ABORT, 'full'); END`,
    );
    const state = async () => [
      await auth.rows("SELECT * FROM accounts ORDER BY id"),
      await auth.rows("SELECT * FROM outbox ORDER BY id"),
      await auth.rows("SELECT * FROM event_sequences ORDER BY subject"),
      await auth.rows("SELECT * FROM revocations"),
    ];
    const body = { email: "other@example.com", password, name: "Demo Learner" };
    const attempts = {
      ...(where === "INSERT ON audit"
        ? {}
        : { signUp: () => auth.call("POST", "/auth/signup", { body }) }),
      roles: () => attempt("PUT", "roles", { roles: ["instructor"] }),
      disable: () => attempt("POST", "disable"),
      close,
    };
    const before = await state();
    for (const [name, make] of Object.entries(attempts)) {
      const failed = await make();
      await failed.body?.cancel();
      assert.ok(failed.status >= 500, name);
      assert.deepEqual(await state(), before, name);
    }
    await auth.rows("DROP TRIGGER full");
    await expectNoContent(close());
    assert.deepEqual(await publishedOf(auth, id), [["user.deleted", 2, {}]]);
  });
}

Deno.test("the maintenance publishes the events of a start to their consumers", async () => {
  const qstash = createFakeQstash();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => qstash.fetch(request),
  );
  const QSTASH_URL = `http://127.0.0.1:${server.addr.port}`;
  {
    await using auth = await setupAuth({ bindings: { ...eventBindings, QSTASH_URL } });
    await auth.app.start?.();
    assert.equal(qstash.messages.length, 0);
    await auth.app.maintain?.();
    const [message, ...others] = qstash.messages;
    assert.deepEqual(others, []);
    assert.equal(message?.destination, "https://school.test/events/user");
    assert.equal(JSON.parse(message?.body ?? "").type, "user.registered");
    assert.ok(!message?.body.includes(administrator.email));
    await auth.app.maintain?.();
    assert.equal(qstash.messages.length, 1);
  }
  await server.shutdown();
});

Deno.test("a maintenance that waits for QStash does not delay revocations to Redis", async () => {
  const called = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
    called.resolve();
    await held.promise;
    return new Response("no", { status: 500 });
  });
  const QSTASH_URL = `http://127.0.0.1:${server.addr.port}`;
  {
    await using auth = await setupAuth({ bindings: { ...eventBindings, QSTASH_URL } });
    await auth.app.start?.();
    const as = await auth.administrator();
    const maintain = auth.app.maintain?.();
    await called.promise;
    auth.redis.mode = "down";
    const refused = await auth.call("POST", "/auth/logout-all", { as });
    await expectProblem(refused, 503, "revocation_unavailable");
    auth.redis.mode = "up";
    await auth.app.maintainUrgent?.();
    assert.equal((await auth.redis.command("KEYS", "rv:u:*") as string[]).length, 1);
    held.resolve();
    await maintain;
  }
  await server.shutdown();
});
