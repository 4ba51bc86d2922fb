import assert from "node:assert/strict";
import { sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { runInContext } from "../context/request_context.ts";
import { VersionConflict } from "../sql/statement.ts";
import { orm } from "../sql/store.ts";
import { newTrace } from "../telemetry/trace_context.ts";
import { createOutbox } from "./outbox.ts";

const table = {
  "user.profile-changed": {
    source: "/user",
    version: 1,
    facet: "profile",
    consumers: ["course"],
    data: z.object({ name: z.string().check(z.minLength(1)) }),
  },
  "course.changed": {
    source: "/course",
    version: 1,
    facet: "course",
    consumers: ["user"],
    data: z.object({ title: z.string() }),
  },
} as const;

const start = Date.parse("2026-03-01T09:30:00.000Z");

async function setup() {
  const sql = await openEventTables("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)");
  const db = orm(sql);
  const outbox = createOutbox({ service: "user", table, sql, now: () => start });
  const rows = (query: string) => sql.run({ sql: query, params: [] });
  const rename = (id: string, name: string) =>
    [
      db.run(text`INSERT INTO people VALUES (${id}, ${name})
      ON CONFLICT DO UPDATE SET name = excluded.name`),
      ...outbox.add({ type: "user.profile-changed", subject: id, data: { name } }),
    ] as const;
  const events = async () =>
    (await rows("SELECT event FROM outbox ORDER BY rowid")).map(([event]) =>
      JSON.parse(String(event))
    );
  return { sql, db, outbox, rows, rename, events, [Symbol.dispose]: () => sql.close() };
}

Deno.test("a stored event is a CloudEvent with every attribute [CloudEvents 1.0]", async () => {
  using user = await setup();
  const trace = newTrace();
  const context = {
    service: "user",
    trace,
    callChain: [],
    signal: new AbortController().signal,
  };
  const items = runInContext(context, () => user.rename("u1", "Ada"));
  await user.db.batch(items);
  const [event] = await user.events();
  assert.match(event.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.deepEqual({ ...event, id: "" }, {
    specversion: "1.0",
    id: "",
    source: "/user",
    type: "user.profile-changed",
    subject: "u1",
    time: "2026-03-01T09:30:00.000Z",
    datacontenttype: "application/json",
    dataschema: "urn:edgepass:event:user.profile-changed:1",
    traceparent: `00-${trace.traceId}-${trace.spanId}-01`,
    sequence: "00000000000000000001",
    data: { name: "Ada" },
  });
});

Deno.test("a failed change stores no event and uses no sequence", async () => {
  using user = await setup();
  await assert.rejects(
    user.db.batch([
      user.db.run(text`UPDATE people SET name = 'x' WHERE id = 'nobody'`),
      user.db.requireOneChange(),
      ...user.outbox.add({ type: "user.profile-changed", subject: "u1", data: { name: "x" } }),
    ]),
    VersionConflict,
  );
  assert.deepEqual(await user.events(), []);
  assert.deepEqual(await user.rows("SELECT * FROM event_sequences"), []);
});

Deno.test("with ifChanged an event is stored only if a row was changed", async () => {
  using user = await setup();
  const end = (id: string) =>
    user.db.batch([
      user.db.run(text`DELETE FROM people WHERE id = ${id}`),
      ...user.outbox.add(
        { type: "user.profile-changed", subject: id, data: { name: "gone" } },
        { ifChanged: true },
      ),
    ]);
  await user.db.batch(user.rename("u1", "Ada"));
  await end("u1");
  await end("u1");
  await end("u2");
  const events = await user.events();
  assert.deepEqual(events.map(({ subject, sequence }) => [subject, Number(sequence)]), [
    ["u1", 1],
    ["u1", 2],
  ]);
});

Deno.test("the sequences of each subject rise by one in the order of its changes", async () => {
  using user = await setup();
  const renames = Array.from({ length: 60 }, (_, at) => user.rename(`u${at % 3}`, `name ${at}`));
  await Promise.all(renames.map((items) => user.db.batch(items)));
  const events = await user.events();
  for (const subject of ["u0", "u1", "u2"]) {
    const own = events.filter((event) => event.subject === subject);
    assert.deepEqual(
      own.map(({ sequence }) => Number(sequence)),
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
    const [[name] = []] = await user.rows(`SELECT name FROM people WHERE id = '${subject}'`);
    assert.equal(own.at(-1)?.data.name, name, "the last event has the last change");
  }
});

Deno.test("two events about one subject in one batch have two sequences", async () => {
  using user = await setup();
  await user.db.batch([...user.rename("u1", "Ada"), ...user.rename("u1", "Bea")]);
  assert.deepEqual((await user.events()).map(({ sequence }) => Number(sequence)), [1, 2]);
});

Deno.test("erasing a subject deletes its stored events, and not its sequence", async () => {
  using user = await setup();
  await user.db.batch([...user.rename("u1", "Ada"), ...user.rename("u2", "Bea")]);
  await user.db.batch(user.outbox.erase("u1"));
  assert.deepEqual((await user.events()).map(({ subject }) => subject), ["u2"]);
  await user.db.batch(user.rename("u1", "Cleo"));
  assert.equal((await user.events()).at(-1)?.sequence, "00000000000000000002");
});

Deno.test("an event has only the fields of its schema, and no e-mail address", async () => {
  using user = await setup();
  const data = { name: "Ada", email: "ada@example.com", password: "hunter2" };
  await user.db.batch(user.outbox.add({ type: "user.profile-changed", subject: "u1", data }));
  const [event] = await user.events();
  assert.deepEqual(event.data, { name: "Ada" });
});

Deno.test("an outbox refuses types of other services and data that does not fit the schema", async () => {
  using user = await setup();
  const otherType: string = "course.changed";
  assert.throws(
    () =>
      user.outbox.add({
        type: otherType as "user.profile-changed",
        subject: "c1",
        data: { name: "x", title: "x" } as { name: string },
      }),
    TypeError,
  );
  assert.throws(
    () => user.outbox.add({ type: "user.profile-changed", subject: "u1", data: { name: "" } }),
    TypeError,
  );
});

Deno.test("without QStash the outbox keeps its events and publishes nothing", async () => {
  using sql = await openEventTables();
  const { events, qstash, lines } = createTestEvents({
    service: "user",
    table,
    sql,
    bindings: { PUBLIC_ORIGIN: "https://school.test" },
  });
  await orm(sql).batch(
    events.outbox.add({
      type: "user.profile-changed",
      subject: "u1",
      data: { name: "Ada" },
    }) as Parameters<ReturnType<typeof orm>["batch"]>[0],
  );
  events.publishSoon();
  await events.maintain();
  assert.deepEqual([qstash.calls, lines], [[], []]);
  assert.equal((await events.waiting()).waiting, 1);
});
