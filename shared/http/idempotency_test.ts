import assert from "node:assert/strict";
import { migrate } from "../sql/sql_text.ts";
import { openNodeSqlite } from "../sql/node_sqlite.ts";
import { readMigrations } from "../runtime/deno_files.ts";
import { createApi, respondToError } from "./api.ts";
import { idempotent } from "./idempotency.ts";
import { createLogger } from "../context/request_context.ts";

const log = createLogger({ service: "test", sink: () => {} });

async function setup() {
  const sql = openNodeSqlite(":memory:");
  const folder = new URL("../../services/course/migrations/", import.meta.url);
  const migrations = await readMigrations(folder);
  await migrate(sql, migrations.filter(({ name }) => name.includes("idempotency")));
  const clock = { now: 1_000_000 };
  const made: string[] = [];
  let gate: Promise<void> = Promise.resolve();
  const app = createApi();
  app.onError((error) => respondToError(error, log));
  app.use(async (c, next) => {
    c.set("passport", { sub: c.req.header("who") ?? "user:1" } as never);
    await next();
  });
  app.on("POST", "*", idempotent({ sql, now: () => clock.now }));
  app.post("/things", async (c) => {
    await gate;
    made.push(await c.req.text());
    return c.json({ id: made.length }, 201);
  });
  app.post("/cookies", (c) => {
    made.push("cookie");
    c.header("set-cookie", "a=b");
    return c.json({ id: made.length }, 201);
  });
  app.post("/refused", (c) => {
    made.push("refused");
    return c.json({}, 422);
  });
  app.post("/broken", () => {
    made.push("broken");
    throw new Error("broken");
  });
  const post = (path: string, key: string, body = "{}", who = "user:1") =>
    Promise.resolve(app.request(path, {
      method: "POST",
      body,
      headers: { "idempotency-key": key, "content-type": "application/json", who },
    }));
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return resolve;
  };
  return { post, made, clock, hold, [Symbol.dispose]: () => sql.close() };
}

Deno.test("a repeated creation gets the first response and has no effect", async () => {
  using service = await setup();
  const first = await (await service.post("/things", "k1")).json();
  const second = await service.post("/things", "k1");
  assert.equal(second.status, 201);
  assert.deepEqual(await second.json(), first);
  assert.equal(service.made.length, 1);
});

Deno.test("keys belong to a caller and a path", async () => {
  using service = await setup();
  await service.post("/things", "k1");
  await service.post("/things", "k1", "{}", "user:2");
  await service.post("/cookies", "k1");
  assert.equal(service.made.length, 3);
});

Deno.test("a key with another body is refused", async () => {
  using service = await setup();
  await service.post("/things", "k1", "{}");
  const refused = await service.post("/things", "k1", '{"a":1}');
  assert.deepEqual([refused.status, (await refused.json()).code], [422, "validation_failed"]);
  assert.equal(service.made.length, 1);
});

Deno.test("of fifty concurrent requests one runs, and the others get 409 with Retry-After", async () => {
  using service = await setup();
  const release = service.hold();
  const responses: Response[] = [];
  const { promise: othersRefused, resolve } = Promise.withResolvers<void>();
  const all = Array.from({ length: 50 }, async () => {
    responses.push(await service.post("/things", "k1"));
    if (responses.length === 49) resolve();
  });
  await othersRefused;
  assert.deepEqual([...new Set(responses.map(({ status }) => status))], [409]);
  assert.ok(responses.every(({ headers }) => headers.has("retry-after")));
  release();
  await Promise.all(all);
  assert.equal(responses.at(-1)?.status, 201);
  assert.equal(service.made.length, 1);
});

const notStored = { "/cookies": 201, "/refused": 422, "/broken": 500 } as const;
for (const [path, status] of Object.entries(notStored)) {
  Deno.test(`a response that is not stored releases the key: ${path}`, async () => {
    using service = await setup();
    assert.equal((await service.post(path, "k1")).status, status);
    await service.post(path, "k1");
    assert.equal(service.made.length, 2);
  });
}

Deno.test("a key expires after 24 hours and not before", async () => {
  using service = await setup();
  await service.post("/things", "k1");
  service.clock.now += 86_399_999;
  await service.post("/things", "k1");
  assert.equal(service.made.length, 1);
  service.clock.now += 1;
  await service.post("/things", "k1");
  assert.equal(service.made.length, 2);
});

for (const key of ["", " ", "ü", "a b", "x".repeat(256)]) {
  Deno.test(`the key ${JSON.stringify(key).slice(0, 12)} is refused`, async () => {
    using service = await setup();
    const encoded = key === "ü" ? "\u00fc" : key;
    assert.equal((await service.post("/things", encoded)).status, 422);
    assert.equal(service.made.length, 0);
  });
}
