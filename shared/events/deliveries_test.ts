import assert from "node:assert/strict";
import { sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { createTestEvents, openEventTables } from "../../tests/support/events.ts";
import { Problem } from "../problem.ts";
import { UniqueViolation } from "../sql/statement.ts";
import { orm } from "../sql/store.ts";

const table = {
  "person.named": {
    source: "/people",
    version: 1,
    facet: "name",
    consumers: ["club"],
    data: z.object({ name: z.string() }),
  },
} as const;

async function setup() {
  const sql = await openEventTables("CREATE TABLE people (id TEXT, name TEXT UNIQUE)");
  const { events, deliver } = createTestEvents({ service: "club", table, sql });
  events.on({
    "person.named": ({ subject, data }) => {
      if (data.name === "fails") throw new Error("broken");
      return [orm(sql).run(text`INSERT INTO people VALUES (${subject}, ${data.name})`)];
    },
  });
  /** The JSON of an event as its publisher creates it. */
  const createEvent = (name: unknown, id = crypto.randomUUID()) =>
    JSON.stringify({
      specversion: "1.0",
      id,
      source: "/people",
      type: "person.named",
      subject: id,
      time: "2026-03-01T09:30:00.000Z",
      datacontenttype: "application/json",
      dataschema: "urn:edgepass:event:person.named:1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      sequence: "00000000000000000001",
      data: { name },
    });
  return {
    deliver,
    createEvent,
    rows: (query: string) => sql.run({ sql: query, params: [] }),
    [Symbol.dispose]: () => sql[Symbol.dispose](),
  };
}

/** Outcomes of a delivery, and what is thrown. */
const endings = {
  "was applied": [{ name: () => crypto.randomUUID() }, "applied"],
  "was forged": [{ name: () => "x", claims: { sub: "elsewhere" } }, "event_signature_invalid"],
  "was poison": [{ name: () => 7 }, "event_unusable"],
  "failed": [{ name: () => "fails" }, "broken"],
} as const;
for (const [what, [{ name, ...overrides }, expected]] of Object.entries(endings)) {
  Deno.test(`a delivery that ${what} releases its slot`, async () => {
    using club = await setup();
    const outcomes = new Set<string>();
    // One more than the limit of concurrent deliveries.
    for (let at = 0; at <= 200; at++) {
      outcomes.add(
        await club.deliver(club.createEvent(name()), overrides).catch((error: unknown) => {
          if (error instanceof Problem) return error.code;
          return error instanceof Error ? error.message : "";
        }),
      );
    }
    assert.deepEqual([...outcomes], [expected]);
    assert.equal(await club.deliver(club.createEvent("last")), "applied");
  });
}

Deno.test("a unique violation in the service's own table is a failure, not a duplicate", async () => {
  using club = await setup();
  await club.rows("INSERT INTO people VALUES ('another', 'Ada')");
  const event = club.createEvent("Ada");
  await assert.rejects(club.deliver(event), UniqueViolation);
  assert.deepEqual(await club.rows("SELECT * FROM inbox"), []);
  await club.rows("DELETE FROM people");
  assert.equal(await club.deliver(event), "applied");
  assert.equal(await club.deliver(event), "duplicate");
});
