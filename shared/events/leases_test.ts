import assert from "node:assert/strict";
import * as z from "zod/mini";
import { createFakeQstash, createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { orm } from "../sql/orm.ts";

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    aspect: "text",
    consumers: ["search"],
    data: z.object({}),
  },
} as const;

const leaseMs = 15_000;

/** Three relays of one database, each with a way to QStash of its own, and one time. */
async function setup() {
  const database = await openEventTables();
  const create = () =>
    createTestEvents({
      service: "notes",
      table,
      sql: database,
      qstash: createFakeQstash(),
      publishTimeoutMs: 60_000,
    });
  const [slow, second, third] = [create(), create(), create()] as const;
  for (const subject of ["n0", "n1"]) {
    await orm(database).batch(
      slow.events.outbox.add({ type: "note.written", subject, data: {} }),
    );
  }
  return {
    slow,
    second,
    third,
    advance: (ms: number) => [slow, second, third].forEach(({ clock }) => clock.advance(ms)),
    published: () =>
      [slow, second, third].flatMap(({ qstash }) => qstash.messages).map(({ body }) =>
        JSON.parse(body).subject
      ).sort(),
    rows: (sql: string) => database.run({ sql, params: [] }),
    [Symbol.dispose]: () => database.close(),
  };
}

Deno.test("a relay that fails after its lease takes nothing from the relay that has the events now", async () => {
  using notes = await setup();
  const { slow, second, third } = notes;
  const gate = Promise.withResolvers<undefined>();
  const entered = Promise.withResolvers<void>();
  second.qstash.fail(() => {
    entered.resolve();
    return gate.promise;
  });
  let running: Promise<void> | undefined;
  slow.qstash.fail(async () => {
    notes.advance(leaseMs);
    running = second.events.sweep();
    await entered.promise;
    return new Response(null, { status: 500 });
  });
  await slow.events.sweep();
  notes.advance(4_000);
  await third.events.sweep();
  assert.deepEqual(third.qstash.calls, [], "their lease has not ended");
  gate.resolve(undefined);
  await running;
  assert.deepEqual(notes.published(), ["n0", "n1"]);
  assert.deepEqual(await slow.events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
});

for (const status of [401, 413]) {
  Deno.test(`what another relay has published meanwhile is not parked by a late ${status}`, async () => {
    using notes = await setup();
    const { slow, second } = notes;
    slow.qstash.fail(async () => {
      notes.advance(leaseMs);
      await second.events.sweep();
      return new Response("{}", { status });
    });
    await slow.events.sweep();
    assert.deepEqual(notes.published(), ["n0", "n1"]);
    assert.deepEqual(await slow.events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
    assert.deepEqual(await slow.events.parked(), []);
  });
}

Deno.test("the oldest events go first, wherever they are in the table", async () => {
  using notes = await setup();
  const { slow } = notes;
  for (let at = 2; at <= 101; at++) {
    await notes.rows(`INSERT INTO outbox (id, subject, sequence, event, created_at)
      SELECT 'e${at}', 'n${at}', 1, json_set(event, '$.id', 'e${at}', '$.subject', 'n${at}'),
        created_at - ${at} FROM outbox WHERE subject = 'n1'`);
  }
  slow.qstash.fail(() => {
    if (slow.qstash.calls.length > 1) return new Response(null, { status: 500 });
    return undefined;
  });
  await slow.events.sweep();
  assert.deepEqual(
    slow.qstash.messages.map(({ body }) => JSON.parse(body).subject),
    Array.from({ length: 100 }, (_, at) => `n${101 - at}`),
  );
});
