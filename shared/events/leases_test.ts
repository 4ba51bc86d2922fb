import assert from "node:assert/strict";
import * as z from "zod/mini";
import { createFakeQstash, createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { orm } from "../sql/store.ts";

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["search"],
    data: z.object({}),
  },
} as const;

const leaseMs = 15_000;

/** Three relays of one database, each with its own QStash, and one clock. */
async function setup(effects: { random?: () => number } = {}) {
  const database = await openEventTables();
  const create = () =>
    createTestEvents({
      service: "notes",
      table,
      sql: database,
      qstash: createFakeQstash(),
      publishTimeoutMs: 60_000,
      ...effects,
    });
  const [slow, second, third] = [create(), create(), create()] as const;
  const add = (subject: string) =>
    orm(database).batch(slow.events.outbox.add({ type: "note.written", subject, data: {} }));
  for (const subject of ["n0", "n1"]) await add(subject);
  return {
    slow,
    second,
    third,
    add,
    advance: (ms: number) => [slow, second, third].forEach(({ clock }) => clock.advance(ms)),
    published: () =>
      [slow, second, third].flatMap(({ qstash }) => qstash.messages).map(({ body }) =>
        JSON.parse(body).subject
      ).sort(),
    rows: (sql: string) => database.run({ sql, params: [] }),
    [Symbol.dispose]: () => database.close(),
  };
}

Deno.test("a relay that fails after its lease does not release the events of the next relay", async () => {
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
    running = second.events.maintain();
    await entered.promise;
    return new Response(null, { status: 500 });
  });
  await slow.events.maintain();
  notes.advance(4_000);
  await third.events.maintain();
  assert.deepEqual(third.qstash.calls, [], "their lease has not expired");
  gate.resolve(undefined);
  await running;
  assert.deepEqual(notes.published(), ["n0", "n1"]);
  assert.deepEqual(await slow.events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
});

for (const status of [401, 413]) {
  Deno.test(`an event that another relay has published is not parked by a late ${status}`, async () => {
    using notes = await setup();
    const { slow, second } = notes;
    slow.qstash.fail(async () => {
      notes.advance(leaseMs);
      await second.events.maintain();
      return new Response("{}", { status });
    });
    await slow.events.maintain();
    assert.deepEqual(notes.published(), ["n0", "n1"]);
    assert.deepEqual(await slow.events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
    assert.deepEqual(await slow.events.parked(), []);
  });
}

Deno.test("the oldest events are published first, whatever their position in the table", async () => {
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
  await slow.events.maintain();
  assert.deepEqual(
    slow.qstash.messages.map(({ body }) => JSON.parse(body).subject),
    Array.from({ length: 100 }, (_, at) => `n${101 - at}`),
  );
});

Deno.test("an instance has one run at a time, which also publishes events that were added meanwhile", async () => {
  using notes = await setup();
  const { slow, add } = notes;
  const during: number[][] = [];
  slow.qstash.fail(async () => {
    if (during.length > 0) return undefined;
    during.push([]);
    await add("n2");
    await slow.events.maintain();
    during.push([...slow.qstash.calls]);
    return undefined;
  });
  await slow.events.maintain();
  assert.deepEqual(during, [[], [2]]);
  assert.deepEqual([slow.qstash.calls, notes.published()], [[2, 1], ["n0", "n1", "n2"]]);
});

Deno.test("maintenance stays within its time for any backlog, and leaves the rest to the next run", async () => {
  using notes = await setup();
  const { slow, add } = notes;
  for (let at = 2; at < 450; at++) await add(`n${at}`);
  slow.qstash.fail(() => {
    notes.advance(20_000);
    return undefined;
  });
  await slow.events.maintain();
  assert.deepEqual(slow.qstash.calls, [100, 100, 100]);
  assert.equal((await slow.events.waiting()).waiting, 150);
  await slow.events.maintain();
  assert.equal((await slow.events.waiting()).waiting, 0);
});

Deno.test("relays do not retry together: jitter shortens a pause by up to a quarter", async () => {
  using notes = await setup({ random: () => 1 });
  const { slow } = notes;
  slow.qstash.fail(() => new Response(null, { status: 503 }));
  const waits: number[] = [];
  for (let tries = 1; tries <= 4; tries++) {
    await slow.events.maintain();
    let waited = 0;
    while (slow.qstash.calls.length === tries && waited < 5_000) {
      waited += 100;
      notes.advance(100);
      await slow.events.maintain();
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [1_000, 1_500, 3_000, 3_000]);
});
