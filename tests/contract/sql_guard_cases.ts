import assert from "node:assert/strict";
import { requireOneChange, type SqlDb, SqlFault, VersionConflict } from "@edgepass/shared/sql";
import { run, type SqlCase, statement } from "./sql_case.ts";

/** The guard of a batch, and concurrent writers. */
export const guardCases = {
  "the guard lets a batch pass that changed one row": guardPasses,
  "the guard undoes a batch that changed no row": guardConflicts,
  "the guard undoes a batch that changed two rows": guardTwoRows,
  "malformed JSON is an error, not a version conflict": malformedJson,
  "exactly one of 50 parallel compare-and-set batches wins": compareAndSet,
} as const satisfies Record<string, SqlCase>;

async function versioned(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)`);
  await run(sql, `CREATE TABLE ${t}_log (what TEXT)`);
  await run(sql, `INSERT INTO ${t} VALUES (1, 0), (2, 0)`);
  return (where: string, what: string) =>
    sql.batch([
      statement(`INSERT INTO ${t}_log VALUES (?)`, `before ${what}`),
      statement(`UPDATE ${t} SET version = version + 1 WHERE ${where}`),
      requireOneChange(),
      statement(`INSERT INTO ${t}_log VALUES (?)`, what),
    ]);
}

async function guardPasses(sql: SqlDb, t: string) {
  const update = await versioned(sql, t);
  await update("id = 1 AND version = 0", "one");
  await update("id = 1 AND version = 1", "two");
  assert.deepEqual(await run(sql, `SELECT version FROM ${t} WHERE id = 1`), [[2]]);
  assert.deepEqual(await run(sql, `SELECT count(*) FROM ${t}_log`), [[4]]);
}

async function guardConflicts(sql: SqlDb, t: string) {
  const update = await versioned(sql, t);
  await assert.rejects(update("id = 1 AND version = 9", "stale"), VersionConflict);
  assert.deepEqual(await run(sql, `SELECT * FROM ${t}_log`), []);
}

async function guardTwoRows(sql: SqlDb, t: string) {
  const update = await versioned(sql, t);
  await assert.rejects(update("version = 0", "both"), VersionConflict);
  assert.deepEqual(await run(sql, `SELECT version FROM ${t}`), [[0], [0]]);
  assert.deepEqual(await run(sql, `SELECT * FROM ${t}_log`), []);
}

async function malformedJson(sql: SqlDb) {
  await assert.rejects(run(sql, "SELECT json(?)", "{"), SqlFault);
  await assert.rejects(run(sql, "SELECT json_extract('{}', ?)", "elsewhere"), SqlFault);
}

async function compareAndSet(sql: SqlDb, t: string) {
  const update = await versioned(sql, t);
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => update("id = 1 AND version = 0", String(index))),
  );
  const refused = results.filter((result) => result.status === "rejected");
  for (const { reason } of refused) assert.ok(reason instanceof VersionConflict, String(reason));
  assert.equal(refused.length, 49);
  assert.deepEqual(await run(sql, `SELECT version FROM ${t} WHERE id = 1`), [[1]]);
  assert.deepEqual(await run(sql, `SELECT count(*) FROM ${t}_log`), [[2]]);
}
