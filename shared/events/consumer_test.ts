import assert from "node:assert/strict";
import { sql as text } from "drizzle-orm";
import fc from "fast-check";
import * as z from "zod/mini";
import { createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { Problem } from "../problem.ts";
import { type SqlDb, SqlFault, StoreUnavailable } from "../sql/statement.ts";
import { orm } from "../sql/store.ts";
import { PoisonError } from "./consumer.ts";

const Named = z.object({ name: z.string() });
const table = {
  "person.named": {
    source: "/people",
    version: 1,
    facet: "name",
    consumers: ["club"],
    data: Named,
  },
  "person.barred": {
    source: "/people",
    version: 1,
    facet: "access",
    consumers: ["club"],
    data: z.object({}),
  },
  "person.admitted": {
    source: "/people",
    version: 1,
    facet: "access",
    consumers: ["club"],
    data: z.object({}),
  },
  "person.gone": {
    source: "/people",
    version: 1,
    facet: "end",
    consumers: ["club"],
    data: z.object({}),
  },
  "person.nicknamed": {
    source: "/nicknames",
    version: 1,
    facet: "name",
    consumers: ["club"],
    data: Named,
  },
  "club.joined": {
    source: "/club",
    version: 1,
    facet: "membership",
    consumers: ["clinic"],
    data: Named,
  },
  "person.weighed": {
    source: "/people",
    version: 1,
    facet: "weight",
    consumers: ["clinic"],
    data: z.object({}),
  },
} as const;

type Type = keyof typeof table;

interface EventOptions {
  readonly id?: string;
  readonly subject?: string;
  readonly sequence?: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The JSON of an event as its publisher creates it. */
function createEvent(
  type: Type,
  { id = crypto.randomUUID(), subject = "p1", sequence = 1, data = {}, more = {} }: EventOptions =
    {},
): string {
  return JSON.stringify({
    specversion: "1.0",
    id,
    source: table[type].source,
    type,
    subject,
    time: "2026-03-01T09:29:58.000Z",
    datacontenttype: "application/json",
    dataschema: `urn:edgepass:event:${type}:1`,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    sequence: String(sequence).padStart(20, "0"),
    data,
    ...more,
  });
}

const people =
  "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, nickname TEXT, barred INTEGER NOT NULL DEFAULT 0, effects INTEGER NOT NULL DEFAULT 0)";

/** A consumer that projects the names of people and counts the effects. */
async function setup(wrap: (sql: SqlDb) => SqlDb = (sql) => sql) {
  const database = await openEventTables(people);
  const sql = wrap(database);
  const db = orm(sql);
  const made = createTestEvents({ service: "club", table, sql });
  const calls: string[] = [];
  const put = (id: string, set: ReturnType<typeof text>) => [
    db.run(text`INSERT INTO people (id) VALUES (${id}) ON CONFLICT DO NOTHING`),
    db.run(text`UPDATE people SET ${set}, effects = effects + 1 WHERE id = ${id}`),
  ];
  const { events } = made;
  events.on({
    "person.named": ({ id, subject, data }) => {
      calls.push(id);
      return put(subject, text`name = ${data.name}`);
    },
  });
  events.on({
    "person.nicknamed": ({ subject, data }) => put(subject, text`nickname = ${data.name}`),
  });
  events.on({ "person.barred": ({ subject }) => put(subject, text`barred = 1`) });
  events.on({ "person.admitted": ({ subject }) => put(subject, text`barred = 0`) });
  events.on({
    "person.gone": ({ subject }) => [
      db.run(text`DELETE FROM people WHERE id = ${subject}`),
    ],
  });
  const rows = (query: string) => database.run({ sql: query, params: [] });
  return {
    ...made,
    sql,
    calls,
    rows,
    people: () => rows("SELECT id, name, nickname, barred FROM people ORDER BY id"),
    effects: async () =>
      Number((await rows("SELECT coalesce(sum(effects), 0) FROM people"))[0]?.[0]),
    [Symbol.dispose]: () => database.close(),
  };
}

const code = (expected: string) => (error: unknown) =>
  error instanceof Problem && error.code === expected;

Deno.test("an event has its effect once, however often and late it is delivered", async () => {
  using club = await setup();
  const event = createEvent("person.named", { data: { name: "Ada" } });
  assert.equal(await club.deliver(event), "applied");
  for (const days of [0, 1, 30]) {
    club.clock.advance(days * 86_400_000);
    await club.events.maintain();
    assert.equal(await club.deliver(event), "duplicate");
  }
  assert.equal(await club.effects(), 1);
});

Deno.test("an event that was pruned from the inbox is stale by its version", async () => {
  using club = await setup();
  const event = createEvent("person.named", { data: { name: "Ada" } });
  await club.deliver(event);
  club.clock.advance(90 * 86_400_000 + 1);
  await club.events.maintain();
  assert.deepEqual(await club.rows("SELECT * FROM inbox"), []);
  assert.equal(await club.deliver(event), "stale");
  assert.equal(await club.effects(), 1);
});

Deno.test("twenty concurrent deliveries of an event have one effect", async () => {
  using club = await setup();
  const event = createEvent("person.named", { data: { name: "Ada" } });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => club.deliver(event)));
  assert.equal(outcomes.filter((outcome) => outcome === "applied").length, 1);
  assert.ok(outcomes.every((outcome) => outcome !== "stale"));
  assert.equal(await club.effects(), 1);
});

Deno.test("an older event of a facet has no effect, one of another facet or source has its effect", async () => {
  using club = await setup();
  await club.deliver(createEvent("person.named", { sequence: 5, data: { name: "New" } }));
  const older = createEvent("person.named", { sequence: 4, data: { name: "Old" } });
  assert.equal(await club.deliver(older), "stale");
  assert.equal(await club.deliver(createEvent("person.barred", { sequence: 3 })), "applied");
  const other = createEvent("person.nicknamed", { sequence: 1, data: { name: "Nick" } });
  assert.equal(await club.deliver(other), "applied");
  assert.deepEqual(await club.people(), [["p1", "New", "Nick", 1]]);
});

Deno.test("after the deletion of a subject every later event about it is stale", async () => {
  using club = await setup();
  await club.deliver(createEvent("person.named", { sequence: 1, data: { name: "Ada" } }));
  assert.equal(await club.deliver(createEvent("person.gone", { sequence: 2 })), "applied");
  const later = [
    createEvent("person.named", { sequence: 3, data: { name: "Ghost" } }),
    createEvent("person.nicknamed", { sequence: 9, data: { name: "Ghost" } }),
    createEvent("person.barred", { sequence: 1 }),
    createEvent("person.gone", { sequence: 4 }),
  ];
  for (const event of later) assert.equal(await club.deliver(event), "stale");
  assert.deepEqual(await club.people(), []);
  assert.equal((await club.rows("SELECT * FROM ended_subjects")).length, 1);
});

const kinds = [
  "person.named",
  "person.barred",
  "person.admitted",
  "person.nicknamed",
  "person.gone",
];

/**
 * A history as publishers create it: sequences rise per source, and the `end` event is the last.
 */
const histories = fc.array(fc.constantFrom(...kinds.slice(0, 4) as Type[]), {
  minLength: 1,
  maxLength: 5,
}).chain((types) => fc.tuple(fc.constant(types), fc.boolean())).map(([types, ends]) => {
  const counts = new Map<string, number>();
  return [...types, ...(ends ? ["person.gone" as const] : [])].map((type, at) => {
    const { source } = table[type];
    const sequence = (counts.get(source) ?? 0) + 1;
    counts.set(source, sequence);
    return createEvent(type, { id: `e${at}`, sequence, data: { name: `name ${at}` } });
  });
});

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, at) =>
    permutations(items.toSpliced(at, 1)).map((rest) => [first, ...rest])
  );
}

async function stateAfter(events: readonly string[]): Promise<unknown> {
  using club = await setup();
  for (const event of events) await club.deliver(event);
  return await club.people();
}

Deno.test("the deletion of a subject deletes the consumer's own events about it, and no others", async () => {
  using club = await setup();
  for (const subject of ["p1", "p2"]) {
    const changes = club.events.outbox.add({ type: "club.joined", subject, data: { name: "x" } });
    await orm(club.sql).batch(changes);
  }
  assert.equal(await club.deliver(createEvent("person.gone")), "applied");
  assert.deepEqual(await club.rows("SELECT subject FROM outbox"), [["p2"]]);
});

Deno.test("every delivery order of a history, with duplicates, ends in the same state as the original order", async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.integer({ min: 0, max: 4 }), async (history, twice) => {
      const expected = await stateAfter(history);
      const again = history[twice % history.length] ?? "";
      for (const order of history.length > 4 ? [history.toReversed()] : permutations(history)) {
        assert.deepEqual(await stateAfter([...order, again]), expected);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("all delivery orders of five events of three facets and the deletion end in one state", async () => {
  const history = [
    createEvent("person.named", { id: "a", sequence: 1, data: { name: "First" } }),
    createEvent("person.barred", { id: "b", sequence: 2 }),
    createEvent("person.named", { id: "c", sequence: 3, data: { name: "Second" } }),
    createEvent("person.admitted", { id: "d", sequence: 4 }),
    createEvent("person.gone", { id: "e", sequence: 5 }),
  ];
  const alive = await stateAfter(history.slice(0, 4));
  assert.deepEqual(alive, [["p1", "Second", null, 0]]);
  for (const order of permutations(history.slice(0, 4))) {
    assert.deepEqual(await stateAfter(order), alive);
  }
  for (const order of permutations(history)) assert.deepEqual(await stateAfter(order), []);
});

/** Releases the handlers one after the other, after all deliveries have passed the inbox check. */
async function race(events: readonly { body: string; at: number }[]) {
  using sql = await openEventTables(people);
  const db = orm(sql);
  const { events: made, deliver } = createTestEvents({ service: "club", table, sql });
  const entered = events.map(() => Promise.withResolvers<void>());
  const released = events.map(() => Promise.withResolvers<void>());
  const inTurn = async ({ id, type, subject }: { id: string; type: string; subject: string }) => {
    const at = events.findIndex(({ body }) => JSON.parse(body).id === id);
    entered[at]?.resolve();
    await released[at]?.promise;
    return [
      db.run(text`INSERT INTO people (id, name) VALUES (${subject}, ${type + id})
        ON CONFLICT DO UPDATE SET name = excluded.name, effects = effects + 1`),
    ];
  };
  made.on({ "person.named": inTurn });
  made.on({ "person.gone": inTurn });
  const outcomes = events.map(({ body }) => deliver(body));
  await Promise.all(entered.map(({ promise }) => promise));
  for (const [position] of events.entries()) {
    const at = events.findIndex((event) => event.at === position);
    released[at]?.resolve();
    await outcomes[at];
  }
  const rows = await sql.run({ sql: "SELECT name, effects FROM people", params: [] });
  return { outcomes: await Promise.all(outcomes), rows };
}

Deno.test("of two concurrent deliveries the newer event wins, whichever is written first", async () => {
  const older = createEvent("person.named", { id: "old", sequence: 1, data: { name: "x" } });
  const newer = createEvent("person.named", { id: "new", sequence: 2, data: { name: "x" } });
  const newerFirst = await race([{ body: older, at: 1 }, { body: newer, at: 0 }]);
  assert.deepEqual(newerFirst.outcomes, ["stale", "applied"]);
  assert.deepEqual(newerFirst.rows, [["person.namednew", 0]]);
  const olderFirst = await race([{ body: older, at: 0 }, { body: newer, at: 1 }]);
  assert.deepEqual(olderFirst.outcomes, ["applied", "applied"]);
  assert.deepEqual(olderFirst.rows, [["person.namednew", 1]]);
});

Deno.test("of two concurrent deliveries with one sequence only the first has an effect", async () => {
  const [one, other] = ["one", "other"].map((id) =>
    createEvent("person.named", { id, sequence: 1, data: { name: "x" } })
  );
  assert.ok(one && other);
  const { outcomes, rows } = await race([{ body: one, at: 0 }, { body: other, at: 1 }]);
  assert.deepEqual(outcomes, ["applied", "stale"]);
  assert.deepEqual(rows, [["person.namedone", 0]]);
});

Deno.test("an event in progress while its subject is deleted has no effect", async () => {
  const named = createEvent("person.named", { id: "name", sequence: 3, data: { name: "x" } });
  const gone = createEvent("person.gone", { id: "end", sequence: 2 });
  const { outcomes, rows } = await race([{ body: named, at: 1 }, { body: gone, at: 0 }]);
  assert.deepEqual(outcomes, ["stale", "applied"]);
  assert.deepEqual(rows, [["person.goneend", 0]]);
});

const poison = {
  "a body that is not JSON": "{",
  "a list as body": "[]",
  "a duplicate member": `{"id":"a","id":"b"}`,
  "no CloudEvents attributes": "{}",
  "another version of CloudEvents": createEvent("person.named", { more: { specversion: "0.3" } }),
  "an unknown type": createEvent("person.named", { more: { type: "person.renamed" } }),
  "a type that is a property of every object": createEvent("person.named", {
    more: { type: "toString" },
  }),
  "a type for another consumer": createEvent("person.weighed"),
  "another source": createEvent("person.named", {
    data: { name: "x" },
    more: { source: "/nicknames" },
  }),
  "another schema version": createEvent("person.named", {
    data: { name: "x" },
    more: { dataschema: "urn:edgepass:event:person.named:2" },
  }),
  "data that does not fit": createEvent("person.named", { data: { name: 1 } }),
  "no data": createEvent("person.named", { more: { data: undefined } }),
  "an id with a space": createEvent("person.named", { id: "a b", data: { name: "x" } }),
  "an empty subject": createEvent("person.named", { subject: "", data: { name: "x" } }),
  "no subject": createEvent("person.named", { more: { subject: undefined } }),
  "a sequence of one digit": createEvent("person.named", {
    data: { name: "x" },
    more: { sequence: "1" },
  }),
  "a sequence that a number cannot represent": createEvent("person.named", {
    data: { name: "x" },
    more: { sequence: "9".repeat(20) },
  }),
  "no traceparent": createEvent("person.named", { data: { name: "x" }, more: { traceparent: "" } }),
  "no time": createEvent("person.named", { data: { name: "x" }, more: { time: "yesterday" } }),
  "text that databases truncate": createEvent("person.named", { data: { name: "a\u0000b" } }),
} as const;
for (const [what, body] of Object.entries(poison)) {
  Deno.test(`an event with ${what} goes to the dead letter queue at once`, async () => {
    using club = await setup();
    await assert.rejects(
      club.deliver(body),
      (error) =>
        error instanceof Problem && error.status === 489 && error.code === "event_unusable" &&
        error.headers["upstash-nonretryable-error"] === "true",
    );
    assert.deepEqual([await club.people(), await club.rows("SELECT * FROM inbox")], [[], []]);
  });
}

/** A consumer whose handler fails in the given way. */
async function failing(failure: () => never) {
  const database = await openEventTables(people);
  const made = createTestEvents({ service: "club", table, sql: database });
  made.events.on({ "person.named": failure });
  return { ...made, database, [Symbol.dispose]: () => database.close() };
}

const failures = {
  "poison is 489": [() => new PoisonError("no"), "event_unusable"],
  "a problem with a client error status is 489": [
    () => new Problem("validation_failed"),
    "event_unusable",
  ],
  "an unavailable store is retried": [() => new StoreUnavailable(), undefined],
  "an unavailable upstream is retried": [
    () => new Problem("upstream_unavailable"),
    "upstream_unavailable",
  ],
  "a fault is retried": [() => new SqlFault(), undefined],
} as const;
for (const [what, [make, expected]] of Object.entries(failures)) {
  Deno.test(`a failed handler leaves no rows, and ${what}`, async () => {
    const error = make();
    using club = await failing(() => {
      throw error;
    });
    await assert.rejects(
      club.deliver(createEvent("person.named", { data: { name: "Ada" } })),
      (thrown) => expected === undefined ? thrown === error : code(expected)(thrown),
    );
    const rows = await club.database.run({
      sql: "SELECT event_id FROM inbox UNION SELECT subject FROM event_versions",
      params: [],
    });
    assert.deepEqual(rows, []);
  });
}

Deno.test("an effect that fails in the batch leaves neither inbox nor version row, and can be retried", async () => {
  const broken = { until: 1 };
  using club = await setup((sql) => ({
    ...sql,
    batch: (statements) =>
      broken.until-- > 0
        ? sql.batch([...statements, { sql: "INSERT INTO nowhere VALUES (1)", params: [] }])
        : sql.batch(statements),
  }));
  const event = createEvent("person.named", { data: { name: "Ada" } });
  await assert.rejects(club.deliver(event), SqlFault);
  assert.deepEqual(await club.rows("SELECT event_id FROM inbox"), []);
  assert.equal(await club.deliver(event), "applied");
  assert.equal(await club.effects(), 1);
});

Deno.test("a crash between the effect and the response causes no second effect", async () => {
  const crash = { now: true };
  using club = await setup((sql) => ({
    ...sql,
    async batch(statements) {
      const rows = await sql.batch(statements);
      if (!crash.now) return rows;
      crash.now = false;
      throw new StoreUnavailable();
    },
  }));
  const event = createEvent("person.named", { data: { name: "Ada" } });
  await assert.rejects(club.deliver(event), StoreUnavailable);
  assert.equal(await club.deliver(event), "duplicate");
  assert.equal(await club.effects(), 1);
});

Deno.test("an event whose handler's own guard fails is not stale: the handler runs again", async () => {
  using sql = await openEventTables(people);
  const db = orm(sql);
  const { events, deliver } = createTestEvents({ service: "club", table, sql });
  const tries = { count: 0 };
  events.on({
    "person.named": async ({ subject, data }) => {
      tries.count++;
      if (tries.count > 1) {
        await sql.run({ sql: "INSERT OR IGNORE INTO people (id) VALUES ('p1')", params: [] });
      }
      return [
        db.run(text`UPDATE people SET name = ${data.name} WHERE id = ${subject}`),
        db.requireOneChange(),
      ];
    },
  });
  assert.equal(await deliver(createEvent("person.named", { data: { name: "Ada" } })), "applied");
  assert.equal(tries.count, 2);
  tries.count = 0;
  events.on({
    "person.barred": ({ subject }) => {
      // Without this limit a regression would loop for ever.
      if (++tries.count > 10) throw new Error("tried without end");
      return [
        db.run(text`UPDATE people SET barred = 1 WHERE id = ${subject} AND name = 'nobody'`),
        db.requireOneChange(),
      ];
    },
  });
  await assert.rejects(
    deliver(createEvent("person.barred", { sequence: 2 })),
    code("event_postponed"),
  );
  assert.equal(tries.count, 3);
});

Deno.test("a handler does not run for duplicates and stale events", async () => {
  using club = await setup();
  const event = createEvent("person.named", { id: "e1", sequence: 2, data: { name: "Ada" } });
  for (let round = 0; round < 3; round++) await club.deliver(event);
  await club.deliver(createEvent("person.named", { sequence: 1, data: { name: "Old" } }));
  assert.deepEqual(club.calls, ["e1"]);
});

Deno.test("a handler gets only the fields of its schema, with their types", async () => {
  using sql = await openEventTables();
  const { events, deliver } = createTestEvents({ service: "club", table, sql });
  const received: unknown[] = [];
  events.on({
    "person.named": (event) => {
      received.push([event.subject, event.time, event.sequence, event.data]);
      return [];
    },
  });
  await deliver(
    createEvent("person.named", { sequence: 7, data: { name: "Ada", email: "a@b.c" } }),
  );
  assert.deepEqual(received, [["p1", Date.parse("2026-03-01T09:29:58.000Z"), 7, { name: "Ada" }]]);
});

Deno.test("deliveries above an instance's limit are postponed", async () => {
  const gate = Promise.withResolvers<void>();
  using club = await setup((sql) => ({
    ...sql,
    async run(statement) {
      await gate.promise;
      return await sql.run(statement);
    },
  }));
  const deliveries = Array.from(
    { length: 201 },
    (_, at) =>
      club.deliver(createEvent("person.named", { subject: `p${at}`, data: { name: "x" } }))
        .catch((error: unknown) => error),
  );
  // A refused delivery does not wait for the database.
  const refused = await Promise.race(deliveries);
  gate.resolve();
  const results = await Promise.all(deliveries);
  assert.ok(refused instanceof Problem && refused.code === "event_postponed");
  assert.equal(refused.headers["retry-after"], "2");
  assert.equal(results.filter((result) => result === "applied").length, 200);
});

Deno.test("on() refuses a type of another consumer and a second handler", async () => {
  using sql = await openEventTables();
  const { events } = createTestEvents({ service: "club", table, sql });
  const otherType: string = "person.weighed";
  assert.throws(() => events.on({ [otherType]: () => [] }), TypeError);
  events.on({ "person.named": () => [] });
  assert.throws(() => events.on({ "person.named": () => [] }), TypeError);
  assert.throws(() => events.requireHandlers(), /person\.barred/);
});

Deno.test("the log line of an event has its trace and none of its data", async () => {
  using club = await setup();
  await club.deliver(createEvent("person.named", { id: "e1", data: { name: "Ada Lovelace" } }));
  const [line] = club.lines;
  assert.equal(line?.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.deepEqual([line?.type, line?.event, line?.outcome], ["person.named", "e1", "applied"]);
  assert.ok(!JSON.stringify(club.lines).includes("Lovelace"));
});
