import assert from "node:assert/strict";
import { createEmbeddedRedis, createRedisRest } from "@edgepass/local/redis";
import * as z from "zod/mini";
import { createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { createUpstashRedis, type Redis, RedisUnavailable } from "../redis/mod.ts";
import { orm } from "../sql/store.ts";
import type { SqlDb } from "../sql/statement.ts";

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["club"],
    data: z.object({}),
  },
} as const;
const wentBack = "Event sequence went back: was the database restored? " +
  "Run events:verify --repair";

/** Redis behind its REST endpoint, as services use it. */
function startRedis() {
  const backend = createEmbeddedRedis();
  const handler = createRedisRest({ backend, token: "secret" });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    redis: createUpstashRedis({ url, token: "secret", timeoutMs: 5_000 }),
    flush: () => backend.execute(["FLUSHALL"]),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      backend.close();
    },
  };
}

/** A process of the service with a database. */
function start(sql: SqlDb, redis: Redis) {
  const { events, lines, clock } = createTestEvents({ service: "notes", table, sql, redis });
  const write = async (subject: string) => {
    const event = { type: "note.written", subject, data: {} } as const;
    const [first, ...others] = events.outbox.add(event);
    await orm(sql).batch([first, ...others]);
    await events.maintain();
  };
  const sequences = async () =>
    (await sql.run({ sql: "SELECT subject, sequence FROM outbox ORDER BY rowid", params: [] }))
      .map(([subject, sequence]) => [subject, Number(sequence)] as const);
  const warnings = () => lines.filter(({ message }) => message === wentBack).length;
  return { events, lines, clock, write, sequences, warnings };
}

Deno.test("a start detects a database that lost a published event, and logs it once", async () => {
  await using server = startRedis();
  const { redis } = server;
  using before = await openEventTables();
  const first = start(before, redis);
  for (let time = 0; time < 5; time++) await first.write("a");
  assert.equal(first.warnings(), 0);
  assert.deepEqual((await first.sequences()).map(([, sequence]) => sequence), [1, 2, 3, 4, 5]);

  // The backup is older than the first event.
  using restored = await openEventTables();
  const second = start(restored, redis);
  await second.events.start();
  assert.equal(second.warnings(), 1);
  for (const subject of ["a", "b"]) await second.write(subject);
  for (const [, sequence] of await second.sequences()) assert.ok(sequence > 5);
  const third = start(restored, redis);
  await third.events.start();
  assert.deepEqual([second.warnings(), third.warnings()], [1, 0]);
});

Deno.test("maintenance detects a database that was restored at run time, within a minute", async () => {
  await using server = startRedis();
  using sql = await openEventTables();
  const service = start(sql, server.redis);
  for (let time = 0; time < 3; time++) await service.write("a");
  await sql.run({ sql: "UPDATE event_sequences SET sequence = 1", params: [] });
  service.clock.advance(60_000);
  await service.events.maintain();
  assert.equal(service.warnings(), 1);
});

Deno.test("the first event of a restored database does not hide that it was restored", async () => {
  await using server = startRedis();
  using before = await openEventTables();
  const first = start(before, server.redis);
  for (let time = 0; time < 3; time++) await first.write("a");
  using restored = await openEventTables();
  const second = start(restored, server.redis);
  // No check has run before: the event is published before the next cron run of the Worker.
  const [one, ...others] = second.events.outbox.add({
    type: "note.written",
    subject: "b",
    data: {},
  });
  await orm(restored).batch([one, ...others]);
  second.events.publishSoon();
  for (let tries = 0; second.warnings() === 0 && tries < 500; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(second.warnings(), 1);
});

const unusable = {
  "that was emptied": async (server: ReturnType<typeof startRedis>) => {
    await server.flush();
    return server.redis;
  },
  "that does not respond": (): Redis => ({
    pipeline: () => Promise.reject(new RedisUnavailable("silent")),
  }),
  "that holds something else": async ({ redis }: ReturnType<typeof startRedis>) => {
    await redis.pipeline((pipeline) => pipeline.set("ev:notes", "{"));
    return redis;
  },
} as const;
for (const [what, change] of Object.entries(unusable)) {
  Deno.test(`a Redis ${what} causes no warning and prevents no start`, async () => {
    await using server = startRedis();
    using before = await openEventTables();
    await start(before, server.redis).write("a");
    const redis = await change(server);
    using restored = await openEventTables();
    const service = start(restored, redis);
    await service.events.start();
    await service.write("a");
    assert.equal(service.warnings(), 0);
    assert.deepEqual(await service.sequences(), [["a", 1]]);
  });
}

Deno.test("one repair continues after the consumers' sequences, for any gap, and for other subjects too", async () => {
  await using server = startRedis();
  using sql = await openEventTables();
  const { events, sequences, write, lines } = start(sql, server.redis);
  const state = (subject: string) => ({ type: "note.written", subject, data: {} }) as const;
  events.facets.publishes("text", {
    list: () => Promise.resolve([state("a")]),
    find: (subjects) => Promise.resolve(subjects.map(state)),
  });
  await write("a");
  const gap = 5_000_000_000_000;
  assert.equal(await events.reconciliation.publish("text", ["a"], { a: 1 }), 1);
  assert.deepEqual((await sequences()).at(-1), ["a", 2]);
  assert.equal(await events.reconciliation.publish("text", ["a"], { a: gap }), 1);
  await write("b");
  const [a, b] = (await sequences()).slice(-2);
  assert.deepEqual([a, b], [["a", gap + 1], ["b", gap + 1]]);
  assert.equal(lines.filter(({ level }) => level === "error").length, 1);
});
