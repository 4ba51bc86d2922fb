import assert from "node:assert/strict";
import * as z from "zod/mini";
import {
  createFakeQstash,
  createTestEvents,
  openEventTables,
  type PublishedMessage,
} from "../../tests/support/events.ts";
import { orm } from "../sql/store.ts";
import type { SqlDb } from "../sql/statement.ts";

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["search"],
    data: z.object({ text: z.string() }),
  },
} as const;

async function setup(options: { wrap?: (sql: SqlDb) => SqlDb; publishTimeoutMs?: number } = {}) {
  const { wrap = (sql: SqlDb) => sql, ...effects } = options;
  const database = await openEventTables();
  const made = createTestEvents({ service: "notes", table, sql: wrap(database), ...effects });
  const db = orm(database);
  const write = async (count: number, start = 0) => {
    for (let at = start; at < start + count; at++) {
      await db.batch(made.events.outbox.add({
        type: "note.written",
        subject: `n${at}`,
        data: { text: `text ${at}` },
      }));
    }
  };
  const rows = (query: string) => database.run({ sql: query, params: [] });
  return {
    ...made,
    database,
    write,
    rows,
    subjects: () => made.qstash.messages.map(subjectOf),
    [Symbol.dispose]: () => database.close(),
  };
}

const subjectOf = ({ body }: PublishedMessage): string => JSON.parse(body).subject;
const respond = (status: number, headers: Record<string, string> = {}) => () =>
  new Response("{}", { status, headers });

Deno.test("a message has its destination, its retries and its failure callback", async () => {
  using notes = await setup();
  await notes.write(1);
  await notes.events.maintain();
  const [message] = notes.qstash.messages;
  assert.ok(message);
  const { id, traceparent, sequence } = JSON.parse(message.body);
  assert.equal(sequence, "00000000000000000001");
  const { "upstash-forward-traceparent": forwarded = "", ...headers } = message.headers;
  assert.equal(message.destination, "https://school.test/events/search");
  assert.deepEqual(headers, {
    "content-type": "application/cloudevents+json",
    "upstash-method": "POST",
    "upstash-retries": "5",
    "upstash-retry-delay": "min(20000, pow(2, retried) * 1000)",
    "upstash-timeout": "10s",
    "upstash-deduplication-id": `${id}-search`,
    "upstash-failure-callback": "https://school.test/events/search/failed",
    "upstash-label": "note.written",
  });
  assert.equal(forwarded.slice(0, 35), traceparent.slice(0, 35), "one trace");
});

Deno.test("a backlog is published in batches of a hundred, the oldest first, each event once", async () => {
  using notes = await setup();
  await notes.write(250);
  await notes.events.maintain();
  await notes.events.maintain();
  assert.deepEqual(notes.qstash.calls, [100, 100, 50]);
  assert.deepEqual(notes.subjects(), Array.from({ length: 250 }, (_, at) => `n${at}`));
  assert.deepEqual((await notes.events.waiting()).waiting, 0);
});

Deno.test("relays that share a database publish each event once", async () => {
  using notes = await setup();
  await notes.write(450);
  const qstash = createFakeQstash();
  const relays = Array.from(
    { length: 3 },
    () => createTestEvents({ service: "notes", table, sql: notes.database, qstash }),
  );
  await Promise.all(relays.map(({ events }) => events.maintain()));
  assert.equal(qstash.messages.length, 450);
  assert.equal(new Set(qstash.messages.map(subjectOf)).size, 450);
});

Deno.test("a change while a relay runs is published by the same run", async () => {
  using notes = await setup();
  await notes.write(1);
  notes.qstash.fail(async () => {
    notes.qstash.fail();
    await notes.write(1, 1);
    notes.events.publishSoon();
    return undefined;
  });
  await notes.events.maintain();
  assert.deepEqual(notes.subjects(), ["n0", "n1"]);
});

/** Makes the statement with these words fail once, before or after it ran. */
function crashing(words: string, when: "before" | "after") {
  const state = { armed: true };
  return (sql: SqlDb): SqlDb => ({
    ...sql,
    async run(statement) {
      const hit = state.armed && statement.sql.includes(words);
      if (hit) state.armed = false;
      if (hit && when === "before") throw new Error("killed");
      const rows = await sql.run(statement);
      if (hit) throw new Error("killed");
      return rows;
    },
  });
}

const crashes = {
  "before the claim": ["SET claimed_until = ?", "before", 3],
  "after the claim, before publishing": ["SET claimed_until = ?", "after", 3],
  "after publishing, before the mark": ["SET published_at", "before", 6],
  "after the mark": ["SET published_at", "after", 3],
} as const;
for (const [what, [words, when, messages]] of Object.entries(crashes)) {
  Deno.test(`a relay that crashes ${what} loses nothing: ${messages} messages for 3 events`, async () => {
    using notes = await setup({ wrap: crashing(words, when) });
    await notes.write(3);
    await assert.rejects(notes.events.maintain(), /killed/);
    // Another process on the same database, after the lease has expired.
    const next = createTestEvents({
      service: "notes",
      table,
      sql: notes.database,
      qstash: notes.qstash,
      start: notes.clock.now() + 15_000,
    });
    await next.events.maintain();
    assert.equal(notes.qstash.messages.length, messages);
    assert.deepEqual([...new Set(notes.subjects())], ["n0", "n1", "n2"]);
    assert.equal((await next.events.waiting()).waiting, 0);

    using search = await setupSearch();
    for (const { body } of notes.qstash.messages) await search.deliver(body);
    assert.deepEqual(await search.effects(), [["n0", 1], ["n1", 1], ["n2", 1]]);
  });
}

/** A consumer that counts effects. */
async function setupSearch() {
  const database = await openEventTables(
    "CREATE TABLE effects (id TEXT PRIMARY KEY, count INTEGER NOT NULL)",
  );
  const made = createTestEvents({ service: "search", table, sql: database });
  const db = orm(database);
  made.events.on({
    "note.written": ({ subject }) => [
      db.run(
        `INSERT INTO effects VALUES ('${subject}', 1) ON CONFLICT DO UPDATE SET count = count + 1`,
      ),
    ],
  });
  return {
    ...made,
    effects: () => database.run({ sql: "SELECT id, count FROM effects ORDER BY id", params: [] }),
    [Symbol.dispose]: () => database.close(),
  };
}

Deno.test("a claim holds for its lease: no other relay publishes meanwhile", async () => {
  using notes = await setup({ wrap: crashing("SET claimed_until = ?", "after") });
  await notes.write(1);
  await assert.rejects(notes.events.maintain());
  notes.clock.advance(14_999);
  await notes.events.maintain();
  assert.equal(notes.qstash.calls.length, 0);
  notes.clock.advance(1);
  await notes.events.maintain();
  assert.equal(notes.qstash.messages.length, 1);
});

const outages = {
  "a 500": respond(500),
  "a 503": respond(503),
  "a redirect": respond(302, { location: "http://elsewhere.test/" }),
  "a broken connection": () => {
    throw new TypeError("connection refused");
  },
  "a page instead of JSON": () => new Response("<html>"),
  "fewer results than messages": () => Response.json([]),
  "an object instead of a list": () => Response.json({ messageId: "m" }),
} as const;
for (const [what, fault] of Object.entries(outages)) {
  Deno.test(`${what} delays the next attempt by at least a second`, async () => {
    using notes = await setup();
    await notes.write(2);
    notes.qstash.fail(fault);
    await notes.events.maintain();
    notes.qstash.fail();
    notes.clock.advance(999);
    await notes.events.maintain();
    assert.deepEqual([notes.qstash.calls.length, notes.subjects()], [1, []]);
    notes.clock.advance(1);
    await notes.events.maintain();
    assert.deepEqual(notes.subjects(), ["n0", "n1"]);
    assert.deepEqual((await notes.events.waiting()).parked, 0);
  });
}

Deno.test("an unavailable QStash is tried at most once a second, and within 4 s of its recovery", async () => {
  using notes = await setup();
  notes.qstash.fail(respond(503));
  const tries: number[] = [];
  for (let second = 0; second < 120; second++) {
    await notes.write(1, second);
    for (let half = 0; half < 2; half++) {
      const before = notes.qstash.calls.length;
      await notes.events.maintain();
      if (notes.qstash.calls.length > before) tries.push(notes.clock.now());
      notes.clock.advance(500);
    }
  }
  const gaps = tries.slice(1).map((time, at) => time - (tries[at] ?? 0));
  assert.ok(Math.min(...gaps) >= 1000 && Math.max(...gaps) <= 4000, gaps.join());
  assert.deepEqual(gaps.slice(0, 4), [1000, 2000, 4000, 4000]);
  notes.qstash.fail();
  notes.clock.advance(4000);
  await notes.events.maintain();
  assert.equal(new Set(notes.subjects()).size, 120);
});

Deno.test("other relays of the same database pause too", async () => {
  using notes = await setup();
  await notes.write(150);
  notes.qstash.fail(respond(503));
  await notes.events.maintain();
  const other = createTestEvents({
    service: "notes",
    table,
    sql: notes.database,
    qstash: notes.qstash,
  });
  await other.events.maintain();
  assert.deepEqual(notes.qstash.calls, [100]);
});

const limits = {
  "7": 7_000,
  "0": 1_000,
  "86400": 3_600_000,
  "Sun, 01 Mar 2026 09:31:00 GMT": 60_000,
  "soon": 1_000,
} as const;
for (const [retryAfter, waitMs] of Object.entries(limits)) {
  Deno.test(`429 with Retry-After ${retryAfter} pauses the relay for ${waitMs} ms`, async () => {
    using notes = await setup();
    await notes.write(1);
    notes.qstash.fail(respond(429, { "retry-after": retryAfter }));
    await notes.events.maintain();
    notes.qstash.fail();
    notes.clock.advance(waitMs - 1);
    await notes.events.maintain();
    assert.equal(notes.qstash.calls.length, 1);
    notes.clock.advance(1);
    await notes.events.maintain();
    assert.equal(notes.qstash.messages.length, 1);
  });
}

Deno.test("a call to a QStash that hangs times out, and the events stay in the backlog", async () => {
  using notes = await setup({ publishTimeoutMs: 5 });
  await notes.write(1);
  notes.qstash.fail((_messages, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    })
  );
  await notes.events.maintain();
  assert.equal((await notes.events.waiting()).waiting, 1);
  assert.equal(notes.lines.at(-1)?.message, "Events wait for QStash");
});

for (const status of [400, 413]) {
  Deno.test(`${status} parks the one refused event, and the others are published`, async () => {
    using notes = await setup();
    await notes.write(20);
    notes.qstash.fail((messages) =>
      messages.some((message) => subjectOf(message) === "n13") ? respond(status)() : undefined
    );
    await notes.events.maintain();
    assert.equal(notes.qstash.messages.length, 19);
    assert.deepEqual((await notes.events.waiting()).parked, 1);
    assert.deepEqual(
      await notes.rows("SELECT subject, parked FROM outbox WHERE parked IS NOT NULL"),
      [
        ["n13", `QStash returned ${status}`],
      ],
    );
    assert.equal(notes.lines.filter(({ level }) => level === "error").length, 1);
  });
}

Deno.test("only the event that QStash refuses inside a batch is parked", async () => {
  using notes = await setup();
  await notes.write(3);
  notes.qstash.fail((messages) =>
    Response.json(
      messages.map((message) =>
        subjectOf(message) === "n1" ? { error: "too large" } : { messageId: "m" }
      ),
    )
  );
  await notes.events.maintain();
  const parked = await notes.rows("SELECT subject, parked FROM outbox WHERE published_at IS NULL");
  assert.deepEqual(parked, [["n1", "too large"]]);
});

for (const status of [401, 403]) {
  Deno.test(`${status} parks the batch, loses nothing, and publishes it after an operator's unpark`, async () => {
    using notes = await setup();
    await notes.write(3);
    notes.qstash.fail(respond(status));
    await notes.events.maintain();
    for (let round = 0; round < 3; round++) {
      notes.clock.advance(60_000);
      await notes.events.maintain();
    }
    assert.equal(notes.qstash.calls.length, 1, "parked events are not retried");
    assert.equal((await notes.events.waiting()).parked, 3);
    notes.qstash.fail();
    assert.equal(await notes.events.unpark(), 3);
    await notes.events.maintain();
    assert.deepEqual(notes.subjects(), ["n0", "n1", "n2"]);
  });
}

Deno.test("a refused token causes one call per four seconds, and does not park the whole backlog", async () => {
  using notes = await setup();
  await notes.write(250);
  notes.qstash.fail(respond(401));
  for (let round = 0; round < 3; round++) await notes.events.maintain();
  notes.clock.advance(3_999);
  await notes.events.maintain();
  assert.deepEqual(notes.qstash.calls, [100]);
  notes.clock.advance(1);
  await notes.events.maintain();
  assert.deepEqual(notes.qstash.calls, [100, 100]);
});

Deno.test("the token is sent only to the configured URL, and redirects are not followed", async () => {
  using sql = await openEventTables();
  const sent: [string, RequestInit][] = [];
  const { events } = createTestEvents({
    service: "notes",
    table,
    sql,
    fetch: (url, init) => {
      sent.push([url, init]);
      return Promise.resolve(Response.json([{ messageId: "m" }]));
    },
  });
  const data = { text: "x" };
  await orm(sql).batch(events.outbox.add({ type: "note.written", subject: "n1", data }));
  await events.maintain();
  const [[url, init] = []] = sent;
  assert.equal(url, "http://qstash.test/v2/batch");
  assert.equal(new Headers(init?.headers).get("authorization"), "Bearer qstash-token");
  assert.equal(init?.redirect, "manual");
});

Deno.test("a message that QStash deduplicates counts as published", async () => {
  using notes = await setup();
  await notes.write(1);
  notes.qstash.fail((messages) =>
    Response.json(messages.map(() => ({ messageId: "m", deduplicated: true })), { status: 202 })
  );
  await notes.events.maintain();
  assert.deepEqual(await notes.events.waiting(), { waiting: 0, parked: 0, oldest: undefined });
});

Deno.test("a clock that is set back does not extend a lease", async () => {
  using notes = await setup({ wrap: crashing("SET claimed_until = ?", "after") });
  await notes.write(1);
  await assert.rejects(notes.events.maintain());
  notes.clock.advance(-3 * 3_600_000);
  await notes.events.maintain();
  assert.equal(notes.qstash.messages.length, 1);
});

Deno.test("a clock that is set back ends a pause", async () => {
  using notes = await setup();
  await notes.write(1);
  notes.qstash.fail(respond(503));
  await notes.events.maintain();
  notes.qstash.fail();
  notes.clock.advance(-3 * 3_600_000);
  await notes.events.maintain();
  assert.equal(notes.qstash.messages.length, 1);
});

Deno.test("a run that the runtime stopped no longer blocks others after its lease", async () => {
  using notes = await setup();
  await notes.write(1);
  const stopped = Promise.withResolvers<Response>();
  const called = Promise.withResolvers<void>();
  notes.qstash.fail(() => {
    called.resolve();
    return stopped.promise;
  });
  const first = notes.events.maintain();
  await called.promise;
  notes.qstash.fail();
  notes.clock.advance(15_000);
  await notes.events.maintain();
  assert.deepEqual(notes.subjects(), ["n0"]);
  stopped.resolve(Response.json([{ messageId: "m" }]));
  await first;
});

Deno.test("published events are deleted after a week", async () => {
  using notes = await setup();
  await notes.write(1);
  await notes.events.maintain();
  notes.clock.advance(7 * 86_400_000);
  await notes.events.maintain();
  assert.equal((await notes.rows("SELECT id FROM outbox")).length, 1);
  notes.clock.advance(1);
  await notes.events.maintain();
  assert.equal((await notes.rows("SELECT id FROM outbox")).length, 0);
  assert.equal((await notes.rows("SELECT * FROM event_sequences")).length, 1);
});

Deno.test("a run deletes a thousand published events, the oldest first, and none that is not published", async () => {
  using notes = await setup();
  await notes.write(1);
  await notes.rows(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1002)
    INSERT INTO outbox (id, subject, sequence, event, created_at, published_at)
    SELECT 'old-' || i, 'o' || i, 1, '{}', 0, 1003 - i FROM n`);
  notes.qstash.fail(respond(500));
  notes.clock.advance(7 * 86_400_000);
  await notes.events.maintain();
  const left = await notes.rows("SELECT subject FROM outbox ORDER BY subject");
  assert.deepEqual(left, [["n0"], ["o1"], ["o2"]]);
});

Deno.test("QStash's token is not logged", async () => {
  using notes = await setup();
  await notes.write(1);
  notes.qstash.fail(respond(401));
  await notes.events.maintain();
  assert.ok(notes.lines.length > 0);
  assert.ok(!JSON.stringify(notes.lines).includes("qstash-token"));
});
