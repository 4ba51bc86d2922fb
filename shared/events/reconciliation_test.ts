import assert from "node:assert/strict";
import * as z from "zod/mini";
import { createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { orm } from "../sql/store.ts";

const Named = z.object({ name: z.string() });
const table = {
  "person.named": {
    source: "/people",
    version: 1,
    facet: "name",
    consumers: ["club"],
    data: Named,
  },
  "person.gone": {
    source: "/people",
    version: 1,
    facet: "end",
    consumers: ["club"],
    data: z.object({}),
  },
} as const;

/** A source of people's names; `during.work` runs between the lookup and the publication. */
async function setup() {
  const sql = await openEventTables("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT)");
  const { events } = createTestEvents({ service: "people", table, sql });
  const during: { work?: () => Promise<unknown> } = {};
  const select = async (where: string, params: (string | number)[]) => {
    const rows = await sql.run({ sql: `SELECT id, name FROM people WHERE ${where}`, params });
    await during.work?.();
    return rows.map(([id, name]) => (
      { type: "person.named", subject: String(id), data: { name: String(name) } } as const
    ));
  };
  events.facets.publishes("name", {
    ending: "person.gone",
    list: ({ after, limit }) => select("id > ? ORDER BY id LIMIT ?", [after, limit]),
    find: (ids) => select("id IN (SELECT value FROM json_each(?))", [JSON.stringify(ids)]),
  });
  const stored = async () =>
    (await sql.run({ sql: "SELECT event FROM outbox ORDER BY rowid", params: [] })).map(
      ([event]) => {
        const { type, subject, sequence, data } = JSON.parse(String(event));
        return [type, subject, Number(sequence), data.name];
      },
    );
  const put = (id: string, name: string) =>
    sql.run({ sql: "INSERT OR REPLACE INTO people VALUES (?, ?)", params: [id, name] });
  return { sql, events, during, stored, put, [Symbol.dispose]: () => sql.close() };
}

Deno.test("publishing again sends the current state with the next sequence, or the deletion", async () => {
  using people = await setup();
  await people.put("a", "Ann");
  await people.put("b", "Bob");
  const { publish, list } = people.events.reconciliation;
  assert.equal(await publish("name", ["a", "b", "a", "gone"]), 3);
  await people.put("a", "Ann II");
  assert.equal(await publish("name", ["a"]), 1);
  assert.deepEqual(await people.stored(), [
    ["person.named", "a", 1, "Ann"],
    ["person.named", "b", 1, "Bob"],
    ["person.gone", "gone", 1, undefined],
    ["person.named", "a", 2, "Ann II"],
  ]);
  const page = await list("name", { after: "a", limit: 5 });
  assert.deepEqual(page?.map(({ subject }) => subject), ["b"]);
  assert.equal(await publish("colour", ["a"]), undefined);
});

Deno.test("a state that changes during the lookup is not published over the newer event", async () => {
  using people = await setup();
  await people.put("a", "Old");
  people.during.work = async () => {
    delete people.during.work;
    const event = { type: "person.named", subject: "a", data: { name: "New" } } as const;
    const [first, ...others] = people.events.outbox.add(event);
    await orm(people.sql).batch([first, ...others]);
  };
  await people.events.reconciliation.publish("name", ["a"]);
  assert.deepEqual(await people.stored(), [["person.named", "a", 1, "New"]]);
});

Deno.test("a page is compared with every projected row in its range", async () => {
  using people = await setup();
  const { events } = createTestEvents({ service: "club", table, sql: people.sql });
  const projected = Array.from({ length: 1200 }, (_, at) => `k${String(at).padStart(4, "0")}`);
  events.facets.projects("people", "name", {
    whole: true,
    list: ({ after, until, limit }) =>
      Promise.resolve(
        projected.filter((id) => id > after && id <= until).slice(0, limit)
          .map((subject) => ({ subject })),
      ),
    matches: () => true,
  });
  const { compare } = events.reconciliation;
  const states = ["k0001", "k0600", "x"].map((subject) => ({ subject, type: "t", data: {} }));
  const source = { source: "people", facet: "name" };
  const all = await compare(source, { after: "", until: null, states });
  assert.deepEqual([all?.compared, all?.missing, all?.ghosts.length], [2, ["x"], 1198]);
  const range = await compare(source, {
    after: "k0001",
    until: "k0600",
    states: states.slice(1, 2),
  });
  assert.deepEqual([range?.compared, range?.missing, range?.ghosts.length], [1, [], 598]);
});
