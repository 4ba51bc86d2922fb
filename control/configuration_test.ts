import assert from "node:assert/strict";
import { administrator, asCaller, setupAuth } from "../tests/support/auth_service.ts";
import { expectJson, expectProblem } from "../tests/support/services.ts";
import { Configuration, ConfigurationHistory } from "./schema.ts";

const path = "/admin/configuration";
const debug = { gateway: { logLevel: "debug" } };

/** Auth, its administrator and a learner. */
async function setup() {
  const auth = await setupAuth();
  await auth.signUp("learner@example.com");
  const learner = asCaller(await auth.tokens({ email: "learner@example.com" }));
  const admin = await auth.administrator();
  const put = (document: unknown, more: object = {}, as: typeof admin = admin) =>
    auth.call("PUT", path, { as, body: { document, ...more } });
  const read = () => expectJson(auth.call("GET", path, { as: admin }), 200, Configuration);
  const stored = async () => ({
    version: await auth.redis.command("GET", "cfg"),
    document: JSON.parse(String(await auth.redis.command("GET", "cfg:doc"))),
  });
  return { ...auth, admin, learner, put, read, stored };
}

Deno.test("only administrators read and change the configuration, even without a gateway in front", async () => {
  await using auth = await setup();
  const requests = [
    ["GET", path, undefined],
    ["GET", `${path}/history`, undefined],
    ["GET", `${path}/history/1`, undefined],
    ["PUT", path, { document: {} }],
    ["POST", `${path}/rollback`, { version: 1 }],
  ] as const;
  for (const [method, target, body] of requests) {
    const given = body === undefined ? {} : { body };
    await expectProblem(
      auth.call(method, target, { as: auth.learner, ...given }),
      403,
      "forbidden",
    );
    await expectProblem(auth.call(method, target, given), 401, "authentication_required");
    const service = { sub: "svc:gateway", roles: ["admin"] };
    const client = { pv: "0.1.1", sub: "client:corp:ci", roles: ["learner"] };
    const key = { pv: "0.1.1", sub: "key:1", roles: ["admin"] };
    for (const as of [service, client, key]) {
      await expectProblem(auth.call(method, target, { as, ...given }), 403, "forbidden");
    }
  }
  assert.deepEqual(await auth.rows("SELECT version FROM configurations"), []);
  assert.equal(await auth.redis.command("GET", "cfg"), null);
});

Deno.test("a change writes a version row, an audit row, a log line and the version in Redis", async () => {
  await using auth = await setup();
  const changed = await expectJson(auth.put(debug, { comment: "Why" }), 200, Configuration);
  assert.deepEqual([changed.version, changed.document, changed.comment], [1, debug, "Why"]);
  assert.deepEqual(await auth.stored(), {
    version: "1",
    document: { version: 1, document: debug },
  });
  assert.deepEqual(
    await auth.rows("SELECT version, document, author_id, comment, pushed FROM configurations"),
    [[1, JSON.stringify(debug), auth.admin.id, "Why", 1]],
  );
  const audit = await auth.rows("SELECT actor_id, target_id, what FROM audit");
  assert.deepEqual(audit.at(-1), [auth.admin.id, "configuration", "configuration 1"]);
  const line = auth.log().find(({ message }) => message === "Configuration changed");
  assert.deepEqual([line?.actorId, line?.version, line?.changed], [auth.admin.id, 1, [
    "gateway.logLevel",
  ]]);
});

Deno.test("a client with the role administers, and the audit names it with its kind", async () => {
  await using auth = await setup();
  let seconds = 10;
  const change = async (sub: string) => {
    const as = { pv: "0.1.1", sub, roles: ["admin"] };
    const body = { document: { gateway: { passportTtlSeconds: seconds++ } } };
    const changed = auth.call("PUT", path, { as, body });
    return (await expectJson(changed, 200, Configuration)).changedBy;
  };
  assert.equal(await change("client:corp:ci"), "client:corp:ci");
  assert.equal(await change("user:corp:boss"), "corp:boss");
  // An issuer may have had the alias `client` before clients had a kind of their own.
  assert.equal(await change("user:client:corp:ci"), "user:client:corp:ci");
  const audit = await auth.rows("SELECT actor_id FROM audit");
  const actors = ["client:corp:ci", "corp:boss", "user:client:corp:ci"];
  assert.deepEqual(audit.slice(-3), actors.map((actor) => [actor]));
});

Deno.test("an unchanged document creates no version", async () => {
  await using auth = await setup();
  await expectJson(auth.put(debug), 200, Configuration);
  const again = await expectJson(auth.put(debug, { ifVersion: 0 }), 200, Configuration);
  assert.equal(again.version, 1);
  assert.equal((await auth.rows("SELECT version FROM configurations")).length, 1);
});

Deno.test("a version that Redis missed is stored, pushed by the maintenance, and not pushed twice", async () => {
  await using auth = await setup();
  auth.redis.mode = "read-only";
  await expectProblem(auth.put(debug), 503, "store_unavailable");
  assert.equal((await auth.read()).version, 1);
  await auth.app.maintain?.();
  assert.equal(await auth.redis.command("GET", "cfg"), null);
  auth.redis.mode = "up";
  await auth.app.maintain?.();
  assert.deepEqual(await auth.stored(), {
    version: "1",
    document: { version: 1, document: debug },
  });
  const before = auth.redis.requests;
  await auth.app.maintain?.();
  // One request, which checks that all keys still exist.
  assert.equal(auth.redis.requests, before + 1);
});

Deno.test("a rebuild writes the configuration before it declares the list complete", async () => {
  await using auth = await setup();
  await expectJson(auth.put(debug), 200, Configuration);
  await auth.redis.command("FLUSHALL");
  const seen: [ready: unknown, version: unknown][] = [];
  auth.redis.onRequest = async () => {
    const [ready, version] = [
      await auth.redis.command("GET", "rv:ready"),
      await auth.redis.command("GET", "cfg"),
    ];
    seen.push([ready, version]);
  };
  const rebuild = () =>
    auth.call("POST", "/internal/revocations/refill", { as: { sub: "svc:gateway" } });
  assert.equal((await rebuild()).status, 204);
  assert.ok(!seen.some(([ready, version]) => ready !== null && version === null));
  assert.deepEqual(await auth.stored(), {
    version: "1",
    document: { version: 1, document: debug },
  });
  assert.equal(await auth.redis.command("GET", "rv:ready"), await auth.logPosition());
});

Deno.test("a rebuild does not declare a list complete when the configuration was lost again", async () => {
  await using auth = await setup();
  await expectJson(auth.put(debug), 200, Configuration);
  await auth.redis.command("FLUSHALL");
  auth.redis.onRequest = async () => void await auth.redis.command("DEL", "cfg:doc");
  const rebuild = auth.call("POST", "/internal/revocations/refill", { as: { sub: "svc:gateway" } });
  await expectProblem(rebuild, 503, "revocation_unavailable");
  assert.equal(await auth.redis.command("GET", "rv:ready"), null);
});

Deno.test("start writes the configuration to an emptied Redis too, and uses it", async () => {
  await using auth = await setup();
  const document = { services: { auth: { accessTokenTtlSeconds: 77 } } };
  await expectJson(auth.put(document), 200, Configuration);
  assert.equal((await auth.tokens(administrator)).expiresIn, 77);
  await auth.redis.command("FLUSHALL");
  const other = auth.compose();
  await other.start?.();
  assert.equal(await auth.redis.command("GET", "cfg"), "1");
  const response = await other.fetch(
    new Request("http://auth/auth/token", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-passport": await auth.passports.sign({ sub: "anon" }),
      },
      body: JSON.stringify({ grantType: "password", ...administrator }),
    }),
  );
  assert.equal((await response.json()).expiresIn, 77);
});

Deno.test("the history shows actor and change, newest first, page by page", async () => {
  await using auth = await setup();
  for (const logLevel of ["debug", "info", "warn"]) {
    await expectJson(auth.put({ gateway: { logLevel } }), 200, Configuration);
  }
  const page = async (query: string) =>
    await expectJson(
      auth.call("GET", `${path}/history?${query}`, { as: auth.admin }),
      200,
      ConfigurationHistory,
    );
  const first = await page("limit=2");
  assert.deepEqual(first.items.map(({ version }) => version), [3, 2]);
  assert.deepEqual(first.items[0]?.changed, ["gateway.logLevel"]);
  assert.equal(first.items[0]?.changedBy, auth.admin.id);
  const second = await page(`limit=2&cursor=${first.nextCursor}`);
  assert.deepEqual([second.items.map(({ version }) => version), second.nextCursor], [[1], null]);
});

Deno.test("each version can be read before a rollback to it, unchanged", async () => {
  await using auth = await setup();
  await expectJson(auth.put(debug, { comment: "Look closer" }), 200, Configuration);
  await expectJson(auth.put({}), 200, Configuration);
  const get = (version: string) =>
    auth.call("GET", `${path}/history/${version}`, { as: auth.admin });
  const first = await expectJson(get("1"), 200, Configuration);
  assert.deepEqual([first.version, first.document, first.comment, first.changedBy], [
    1,
    debug,
    "Look closer",
    auth.admin.id,
  ]);
  assert.deepEqual(await expectJson(get("2"), 200, Configuration), await auth.read());
  for (const none of ["3", "0", "-1", "1.5", "01", "one", "9999999999"]) {
    await expectProblem(get(none), 404, "not_found");
  }
});

Deno.test("a new version number is above that of Redis, whatever the database contains", async () => {
  await using auth = await setup();
  await auth.redis.command("SET", "cfg", "9");
  const changed = await expectJson(auth.put(debug, { ifVersion: 0 }), 200, Configuration);
  assert.equal(changed.version, 10);
  assert.equal(await auth.redis.command("GET", "cfg"), "10");
});

Deno.test("a Redis with a higher version keeps it, and the log reports it", async () => {
  await using auth = await setup();
  await expectJson(auth.put(debug), 200, Configuration);
  await auth.redis.command("SET", "cfg", "9");
  const rebuild = { as: { sub: "svc:gateway" } };
  assert.equal((await auth.call("POST", "/internal/revocations/refill", rebuild)).status, 204);
  assert.equal(await auth.redis.command("GET", "cfg"), "9");
  const line = auth.log().find(({ level }) => level === "error");
  assert.deepEqual([line?.version, line?.inForce], [1, 9]);
});

Deno.test("a document that is too long is refused", async () => {
  await using auth = await setup();
  const routes = Array.from({ length: 4_000 }, (_, at) => ({
    prefix: `/${"x".repeat(120)}-${at}`,
    upstream: "http://127.0.0.1:1",
    access: "public",
  }));
  await expectProblem(auth.put({ gateway: { routes } }), 422, "validation_failed");
  assert.equal((await auth.read()).version, 0);
});
