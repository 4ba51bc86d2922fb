import assert from "node:assert/strict";
import { and, eq } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { orm, type SqlDb, SqlFault, UniqueViolation, VersionConflict } from "@edgepass/shared/sql";
import { run, type SqlCase } from "./sql_case.ts";

/** Drizzle over the port. */
export const drizzleCases = {
  "drizzle reads and writes through the port": drizzleRoundTrip,
  "drizzle joins two tables with equal column names, in a batch too": drizzleJoin,
  "drizzle's batch is atomic and guarded": drizzleBatch,
  "drizzle throws the port's errors": drizzleErrors,
} as const satisfies Record<string, SqlCase>;

async function drizzleTables(sql: SqlDb, t: string) {
  const people = sqliteTable(t, {
    id: text().primaryKey(),
    name: text().notNull().unique(),
    active: integer({ mode: "boolean" }).notNull(),
    since: integer({ mode: "timestamp_ms" }).notNull(),
    tags: text({ mode: "json" }).$type<string[]>().notNull(),
    version: integer().notNull(),
  });
  const notes = sqliteTable(`${t}_notes`, {
    id: text().primaryKey(),
    personId: text("person_id").notNull(),
    name: text(),
  });
  await run(
    sql,
    `CREATE TABLE ${t} (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, active INTEGER NOT NULL,
      since INTEGER NOT NULL, tags TEXT NOT NULL, version INTEGER NOT NULL)`,
  );
  await run(
    sql,
    `CREATE TABLE ${t}_notes (id TEXT PRIMARY KEY, person_id TEXT NOT NULL, name TEXT)`,
  );
  const person = {
    id: "p1",
    name: "Demo Learner",
    active: true,
    since: new Date(1_800_000_000_123),
    tags: ["a", "b"],
    version: 0,
  };
  return { db: orm(sql), people, notes, person };
}

async function drizzleRoundTrip(sql: SqlDb, t: string) {
  const { db, people, person } = await drizzleTables(sql, t);
  const rows = await db.insert(people).values(person).returning();
  assert.deepEqual(rows, [person]);
  assert.deepEqual(await db.select().from(people), [person]);
  assert.deepEqual(await db.select().from(people).where(eq(people.id, "p1")).get(), person);
  assert.equal(await db.select().from(people).where(eq(people.id, "none")).get(), undefined);
  assert.equal(await db.$count(people), 1);
  await db.update(people).set({ active: false }).where(eq(people.id, "p1"));
  const active = await db.select({ active: people.active }).from(people);
  assert.deepEqual(active, [{ active: false }]);
}

async function drizzleJoin(sql: SqlDb, t: string) {
  const { db, people, notes, person } = await drizzleTables(sql, t);
  await db.insert(people).values(person);
  await db.insert(notes).values({ id: "n1", personId: "p1", name: "note" });
  const join = () => db.select().from(people).innerJoin(notes, eq(notes.personId, people.id));
  const expected = [{
    [t]: person,
    [`${t}_notes`]: { id: "n1", personId: "p1", name: "note" },
  }];
  assert.deepEqual(await join(), expected);
  const [rows, one] = await db.batch([join(), join().limit(1)]);
  assert.deepEqual(rows, expected);
  assert.deepEqual(one, expected);
}

async function drizzleBatch(sql: SqlDb, t: string) {
  const { db, people, notes, person } = await drizzleTables(sql, t);
  await db.insert(people).values(person);
  const change = (version: number, note: string) =>
    db.batch([
      db.update(people).set({ version: version + 1 }).where(
        and(eq(people.id, "p1"), eq(people.version, version)),
      ),
      db.requireOneChange(),
      db.insert(notes).values({ id: note, personId: "p1" }),
      db.select().from(notes),
    ]);
  const [, , , rows] = await change(0, "first");
  assert.deepEqual(rows, [{ id: "first", personId: "p1", name: null }]);
  await assert.rejects(change(0, "second"), VersionConflict);
  assert.equal(await db.$count(notes), 1);
}

async function drizzleErrors(sql: SqlDb, t: string) {
  const { db, people, person } = await drizzleTables(sql, t);
  await db.insert(people).values(person);
  const again = { ...person, id: "p2" };
  const isPorts = (error: unknown) =>
    error instanceof UniqueViolation && error.columns === `${t}.name`;
  await assert.rejects(async () => await db.insert(people).values(again), isPorts);
  await assert.rejects(async () => await db.insert(people).values(again).returning(), isPorts);
  await assert.rejects(db.batch([db.insert(people).values(again)]), isPorts);
  await assert.rejects(async () => await db.run("SELEC"), SqlFault);
  await assert.rejects(async () => await db.all("SELEC"), SqlFault);
  await assert.rejects(async () => await db.get("SELEC"), SqlFault);
  await assert.rejects(async () => await db.values("SELEC"), SqlFault);
}
