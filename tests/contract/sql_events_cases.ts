import assert from "node:assert/strict";
import { createEvents, type EventTable } from "@edgepass/shared/events";
import { createLogger } from "@edgepass/shared/context";
import { migrate, orm, type SqlDb } from "@edgepass/shared/sql";
import { noopTelemetry } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import { createFakeQstash, eventBindings, signDelivery } from "../support/fake_qstash.ts";
import { run, type SqlCase } from "./sql_case.ts";

/**
 * Outbox, relay and inbox. A database belongs to one service, so a case uses only its own subjects.
 */
export const eventCases = {
  "an event has the number of its change": sequences,
  "an event exists only with its change": onlyWithChange,
  "relays at the same time publish each event once": relaysTogether,
  "a failed claim is released": givenBack,
  "an event has one effect, in any order and with duplicates": effects,
  "old rows are deleted": prunes,
} as const satisfies Record<string, SqlCase>;

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["notes"],
    data: z.object({ text: z.string() }),
  },
  "note.burnt": {
    source: "/notes",
    version: 1,
    facet: "end",
    consumers: ["notes"],
    data: z.object({}),
  },
} as const satisfies EventTable;

/** D1 gets the tables from its own migrations. */
async function setup(sql: SqlDb, t: string, start = Date.now()) {
  const there = await run(sql, "SELECT 1 FROM sqlite_master WHERE name = 'outbox'");
  if (there.length === 0) {
    const tables = await Deno.readTextFile(
      new URL("../../shared/events/tables.sql", import.meta.url),
    );
    await migrate(sql, [{ name: "0001_events.sql", sql: tables }]);
  }
  for (const name of ["outbox", "inbox", "event_versions", "ended_subjects", "event_sequences"]) {
    await run(sql, `DELETE FROM ${name}`);
  }
  await run(sql, `CREATE TABLE ${t} (id TEXT PRIMARY KEY, text TEXT, effects INTEGER DEFAULT 0)`);
  const time = { now: start };
  const now = () => time.now;
  const qstash = createFakeQstash();
  const create = () =>
    createEvents({
      service: "notes",
      table,
      sql,
      bindings: eventBindings,
      runtime: {
        now,
        telemetry: noopTelemetry(),
        createLogger: (service) => createLogger({ service, sink: () => {} }),
      },
    }, { fetch: qstash.fetch, random: () => 0 });
  const events = create();
  const db = orm(sql);
  const write = (subject: string, text: string) =>
    db.batch(events.outbox.add({ type: "note.written", subject, data: { text } }));
  return { time, qstash, create, events, db, write };
}

async function sequences(sql: SqlDb, t: string) {
  const { write } = await setup(sql, t);
  await Promise.all(Array.from({ length: 20 }, (_, at) => write(`n${at % 2}`, "“ü”\n")));
  const rows = await run(sql, "SELECT subject, sequence, event FROM outbox ORDER BY sequence");
  for (const subject of ["n0", "n1"]) {
    const own = rows.filter(([of]) => of === subject);
    assert.deepEqual(own.map(([, sequence]) => sequence), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const published = own.map(([, , event]) => JSON.parse(String(event)));
    assert.deepEqual(
      published.map(({ sequence }) => sequence),
      own.map(([, sequence]) => String(sequence).padStart(20, "0")),
    );
    assert.deepEqual(published[0].data, { text: "“ü”\n" });
  }
}

async function onlyWithChange(sql: SqlDb, t: string) {
  const { db, events } = await setup(sql, t);
  const change = () =>
    db.batch([
      db.run(`UPDATE ${t} SET text = 'new' WHERE id = 'n1'`),
      ...events.outbox.add({ type: "note.burnt", subject: "n1", data: {} }, { ifChanged: true }),
    ]);
  await change();
  assert.deepEqual(await run(sql, "SELECT id FROM outbox"), []);
  await run(sql, `INSERT INTO ${t} (id) VALUES ('n1')`);
  await change();
  assert.equal((await run(sql, "SELECT id FROM outbox")).length, 1);
}

async function relaysTogether(sql: SqlDb, t: string) {
  const { create, write, qstash, events } = await setup(sql, t);
  for (let at = 0; at < 130; at++) await write(`n${at}`, "text");
  await Promise.all([create(), create(), create()].map((relay) => relay.maintain()));
  assert.equal(qstash.messages.length, 130);
  assert.deepEqual(await events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
}

async function givenBack(sql: SqlDb, t: string) {
  const { create, write, qstash, events, time } = await setup(sql, t);
  for (let at = 0; at < 3; at++) await write(`n${at}`, "text");
  qstash.fail(() => new Response(null, { status: 500 }));
  await events.maintain();
  qstash.fail();
  time.now += 999;
  await create().maintain();
  assert.equal(qstash.calls.length, 1);
  time.now += 1;
  qstash.fail(() => new Response(null, { status: 403 }));
  await create().maintain();
  assert.equal((await events.waiting()).parked, 3);
  qstash.fail();
  assert.equal(await events.unpark(), 3);
  await create().maintain();
  assert.equal(qstash.messages.length, 3);
}

async function effects(sql: SqlDb, t: string) {
  const { events, db, write, qstash } = await setup(sql, t);
  events.on({
    "note.written": ({ subject, data }) => [
      db.run(`INSERT INTO ${t} (id) VALUES ('${subject}') ON CONFLICT DO NOTHING`),
      db.run(
        `UPDATE ${t} SET text = '${data.text}', effects = effects + 1 WHERE id = '${subject}'`,
      ),
    ],
  });
  events.on({
    "note.burnt": ({ subject }) => [db.run(`DELETE FROM ${t} WHERE id = '${subject}'`)],
  });
  await write("n1", "first");
  await write("n1", "second");
  await write("n2", "burnt");
  await db.batch(events.outbox.add({ type: "note.burnt", subject: "n2", data: {} }));
  await events.maintain();
  const url = `${eventBindings.PUBLIC_ORIGIN}/events/notes`;
  const deliver = async ({ body }: { body: string }) =>
    await events.receive({
      body: new TextEncoder().encode(body).buffer,
      signature: await signDelivery(url, body),
    });
  const newestFirst = qstash.messages.toReversed();
  const outcomes: string[] = [];
  for (const message of newestFirst) outcomes.push(await deliver(message));
  assert.deepEqual(outcomes, ["applied", "stale", "applied", "stale"]);
  const again = await Promise.all([...newestFirst, ...newestFirst].map(deliver));
  assert.ok(!again.includes("applied"), again.join());
  assert.deepEqual(await run(sql, `SELECT id, text, effects FROM ${t}`), [["n1", "second", 1]]);
}

/** A week for published events, 90 days for consumed ones; waiting and parked events stay. */
async function prunes(sql: SqlDb, t: string) {
  const { events, write, time, qstash } = await setup(sql, t);
  const day = 86_400_000;
  const subjects = async () =>
    (await run(sql, "SELECT subject FROM outbox ORDER BY subject")).map(([one]) => one);
  await write("parked", "text");
  qstash.fail(() => new Response("{}", { status: 413 }));
  await events.maintain();
  qstash.fail();
  await write("published", "text");
  await run(sql, "INSERT INTO inbox VALUES ('old', ?)", time.now);
  await run(sql, "INSERT INTO inbox VALUES ('young', ?)", time.now + 1);
  await events.maintain();
  assert.equal((await events.waiting()).parked, 1);
  qstash.fail(() => new Response(null, { status: 500 }));
  await write("waiting", "text");
  time.now += 7 * day;
  await events.maintain();
  assert.deepEqual(await subjects(), ["parked", "published", "waiting"]);
  time.now += 1;
  await events.maintain();
  assert.deepEqual(await subjects(), ["parked", "waiting"]);
  time.now += 83 * day;
  await events.maintain();
  assert.deepEqual(await subjects(), ["parked", "waiting"]);
  assert.deepEqual(await run(sql, "SELECT event_id FROM inbox"), [["young"]]);
  time.now += 1;
  await events.maintain();
  assert.deepEqual(await run(sql, "SELECT event_id FROM inbox"), []);
  const { waiting, parked } = await events.waiting();
  assert.deepEqual([waiting, parked], [1, 1]);
}
