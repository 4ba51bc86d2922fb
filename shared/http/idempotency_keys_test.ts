import assert from "node:assert/strict";
import { openDatabase } from "../../tests/support/services.ts";
import { createLogger } from "../context/request_context.ts";
import type { SqlDb } from "../sql/mod.ts";
import { createApi, respondToError } from "./api.ts";
import { idempotent } from "./idempotency.ts";

const log = createLogger({ service: "test", sink: () => {} });
const dayMs = 86_400_000;

/** Every path creates something and returns the count; `status` in the body sets the response's. */
async function setup() {
  const sql = await openDatabase("course");
  const clock = { now: 1_000_000 };
  let made = 0;
  const store = { isDown: false };
  const gates = new Map<string, () => Promise<void>>();
  const app = createApi();
  app.onError((error) => respondToError(error, log));
  app.use(async (c, next) => {
    const sub = c.req.header("who");
    if (sub !== undefined) c.set("passport", { sub } as never);
    await next();
  });
  const failing: SqlDb = {
    batch: (statements) => sql.batch(statements),
    // The claim goes through `batch`; only what follows the creation fails.
    run: (statement) =>
      store.isDown && statement.sql.startsWith("UPDATE")
        ? Promise.reject(new Error("Database is locked"))
        : sql.run(statement),
  };
  app.use(idempotent({ sql: failing, now: () => clock.now }));
  app.all("*", async (c) => {
    const { status = 201 } = await c.req.json();
    await gates.get(c.req.header("who") ?? "")?.();
    return c.json({ made: ++made }, status);
  });
  const send = async (
    { method = "POST", path = "/things", key = "k1", who = "user:1", status = 201 }: {
      method?: string;
      path?: string;
      key?: string;
      who?: string | null;
      status?: number;
    } = {},
  ): Promise<[number, unknown]> => {
    const response = await app.request(path, {
      method,
      body: JSON.stringify({ status }),
      headers: {
        "content-type": "application/json",
        "idempotency-key": key,
        ...(who === null ? {} : { who }),
      },
    });
    const { made, code } = await response.json();
    return [response.status, made ?? code];
  };
  return {
    send,
    store,
    clock,
    rows: (query: string, ...params: (string | number)[]) => sql.run({ sql: query, params }),
    /** Holds the next creation of a caller; `entered` resolves when it has started. */
    hold(who: string) {
      const entered = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      gates.set(who, () => {
        entered.resolve();
        return gate.promise;
      });
      return { entered: entered.promise, release: gate.resolve };
    },
    [Symbol.dispose]: () => sql[Symbol.dispose](),
  };
}

Deno.test("another key makes another creation", async () => {
  using service = await setup();
  assert.deepEqual(await service.send({ key: "k1" }), [201, 1]);
  assert.deepEqual(await service.send({ key: "k2" }), [201, 2]);
  assert.deepEqual(await service.send({ key: "k1" }), [201, 1]);
});

Deno.test("a key and path are not confused with others of the same concatenation", async () => {
  using service = await setup();
  assert.deepEqual(await service.send({ path: "/things", key: "/1k" }), [201, 1]);
  assert.deepEqual(await service.send({ path: "/things/1", key: "k" }), [201, 2]);
  assert.deepEqual(await service.send({ path: "/things/", key: "1k" }), [201, 3]);
});

Deno.test("concurrent creations of two callers each store their own response", async () => {
  using service = await setup();
  const { entered, release } = service.hold("user:2");
  const second = service.send({ who: "user:2" });
  await entered;
  assert.deepEqual(await service.send({ who: "user:1" }), [201, 1]);
  assert.deepEqual(await service.send({ who: "user:2" }), [409, "conflict"]);
  release();
  assert.deepEqual(await second, [201, 2]);
  assert.deepEqual(await service.send({ who: "user:1" }), [201, 1]);
  assert.deepEqual(await service.send({ who: "user:2" }), [201, 2]);
});

Deno.test("a refused creation releases its own key, and no other", async () => {
  using service = await setup();
  assert.deepEqual(await service.send({ key: "created" }), [201, 1]);
  assert.deepEqual(await service.send({ key: "refused", status: 409 }), [409, 2]);
  assert.deepEqual(await service.send({ key: "created" }), [201, 1]);
  assert.deepEqual(await service.send({ key: "refused", status: 409 }), [409, 3]);
});

for (const status of [200, 202]) {
  Deno.test(`only a 201 is stored: a ${status} is not`, async () => {
    using service = await setup();
    assert.deepEqual(await service.send({ status }), [status, 1]);
    assert.deepEqual(await service.send({ status }), [status, 2]);
  });
}

for (const method of ["PUT", "PATCH", "DELETE"]) {
  Deno.test(`the key of a ${method} is ignored`, async () => {
    using service = await setup();
    assert.deepEqual(await service.send({ method }), [201, 1]);
    assert.deepEqual(await service.send({ method }), [201, 2]);
    assert.deepEqual(await service.rows("SELECT key FROM idempotency_keys"), []);
  });
}

Deno.test("without a caller a key is ignored and no response is stored", async () => {
  using service = await setup();
  assert.deepEqual(await service.send({ who: null }), [201, 1]);
  assert.deepEqual(await service.send({ who: null }), [201, 2]);
  assert.deepEqual(await service.rows("SELECT key FROM idempotency_keys"), []);
});

Deno.test("the key of a crashed request stays claimed for a day", async () => {
  using service = await setup();
  assert.deepEqual(await service.send(), [201, 1]);
  // The state after a crash.
  await service.rows("UPDATE idempotency_keys SET body = NULL");
  service.clock.now += dayMs - 1;
  assert.deepEqual(await service.send(), [409, "conflict"]);
  service.clock.now += 1;
  assert.deepEqual(await service.send(), [201, 2]);
});

Deno.test("a response that cannot be stored does not release the key of a change that was made", async () => {
  using service = await setup();
  service.store.isDown = true;
  assert.deepEqual(await service.send(), [500, "internal"]);
  service.store.isDown = false;
  assert.deepEqual(await service.send(), [409, "conflict"], "a retry does not create twice");
  assert.deepEqual(await service.send({ key: "k2" }), [201, 2]);
});

Deno.test("expired keys of every caller are deleted, and no others", async () => {
  using service = await setup();
  await service.send({ who: "user:1" });
  service.clock.now += 1;
  await service.send({ who: "user:2" });
  service.clock.now += dayMs - 1;
  await service.send({ who: "user:3" });
  assert.equal((await service.rows("SELECT key FROM idempotency_keys")).length, 2);
  assert.deepEqual(await service.send({ who: "user:2" }), [201, 2]);
});
