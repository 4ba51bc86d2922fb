import assert from "node:assert/strict";
import { migrate, type Migration, pendingMigrations, type SqlDb } from "@edgepass/shared/sql";
import { run, type SqlCase } from "./sql_case.ts";

/** Cases for adapters that run migrations themselves; wrangler migrates D1. */
export const migrationCases = {
  "migrations apply once each, in name order": migrations,
  "a migration that fails leaves nothing": migrationFails,
  "a changed or missing migration is refused": migrationChanged,
  "concurrent starts apply a migration once": migrationRace,
} as const satisfies Record<string, SqlCase>;

const trigger = (t: string) => `
  -- Comments; with semicolons
  CREATE TABLE ${t} (id INTEGER PRIMARY KEY, note TEXT DEFAULT 'a;b'); /* and ; here */
  CREATE TABLE ${t}_log (id INTEGER);
  CREATE TRIGGER ${t}_insert AFTER INSERT ON ${t} BEGIN
    INSERT INTO ${t}_log VALUES (NEW.id);
    UPDATE ${t}_log SET id = CASE WHEN id > 0 THEN id ELSE 0 END;
  END;
  INSERT INTO ${t} (id) VALUES (1);
`;

async function migrations(sql: SqlDb, t: string) {
  const first = { name: "0001_first.sql", sql: trigger(t) };
  const second = { name: "0002_second.sql", sql: `ALTER TABLE ${t} ADD COLUMN b TEXT` };
  assert.deepEqual(await pendingMigrations(sql, [second, first]), [first.name, second.name]);
  assert.deepEqual(await migrate(sql, [first]), [first.name]);
  assert.deepEqual(await pendingMigrations(sql, [second, first]), [second.name]);
  assert.deepEqual(await migrate(sql, [second, first]), [second.name]);
  assert.deepEqual(await migrate(sql, [first, second]), []);
  assert.deepEqual(await run(sql, `SELECT id, note, b FROM ${t}`), [[1, "a;b", null]]);
  assert.deepEqual(await run(sql, `SELECT id FROM ${t}_log`), [[1]]);
}

async function migrationFails(sql: SqlDb, t: string) {
  const good = { name: "0001.sql", sql: `CREATE TABLE ${t} (n INTEGER)` };
  const bad = {
    name: "0002.sql",
    sql: `INSERT INTO ${t} VALUES (1); INSERT INTO nowhere VALUES (1)`,
  };
  const control = { name: "0002.sql", sql: `INSERT INTO ${t} VALUES (1); COMMIT; SELECT 1` };
  await assert.rejects(migrate(sql, [good, bad]), { name: "MigrationError", message: /0002/ });
  await assert.rejects(migrate(sql, [good, control]), { name: "MigrationError" });
  assert.deepEqual(await run(sql, `SELECT n FROM ${t}`), []);
  assert.deepEqual(await pendingMigrations(sql, [good, bad]), ["0002.sql"]);
}

async function migrationChanged(sql: SqlDb, t: string) {
  const one = { name: "0001.sql", sql: `CREATE TABLE ${t} (\r\nn INTEGER)` };
  await migrate(sql, [one]);
  await migrate(sql, [{ ...one, sql: one.sql.replace("\r", "") }]);
  const refused: [files: Migration[], message: RegExp][] = [
    [[{ ...one, sql: `${one.sql} ` }], /0001.sql has changed/],
    [[], /0001.sql was applied but is not among the files/],
    [[one, one], /two files named 0001.sql/],
  ];
  for (const [files, message] of refused) {
    await assert.rejects(migrate(sql, files), { name: "MigrationError", message });
  }
}

async function migrationRace(sql: SqlDb, t: string) {
  const files = ["0001.sql", "0002.sql"].map((name, index) => ({
    name,
    sql: `CREATE TABLE ${t}_${index} (n INTEGER); INSERT INTO ${t}_${index} VALUES (1);`,
  }));
  const done = await Promise.all(Array.from({ length: 8 }, () => migrate(sql, files)));
  assert.deepEqual(done.flat().toSorted(), ["0001.sql", "0002.sql"]);
  assert.deepEqual(await run(sql, `SELECT n FROM ${t}_1`), [[1]]);
}
