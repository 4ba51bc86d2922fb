import assert from "node:assert/strict";
import { Problem } from "@edgepass/shared/problem";
import { type SqlDb, SqlFault, type SqlValue, UniqueViolation } from "@edgepass/shared/sql";
import { run, type SqlCase, statement } from "./sql_case.ts";

/** What is refused, and with which error. */
export const refusalCases = {
  "a foreign key is enforced": foreignKeys,
  "a unique violation names its column": uniqueViolation,
  "a unique violation on two columns names both": uniqueTwo,
  "a caller's text in an error is not mistaken for a unique violation": posing,
  "invalid SQL is an internal error": faults,
  "two statements in one string are refused": twoStatements,
  "transaction control is refused": transactionControl,
  "a value of another type is refused with its position": otherTypes,
  "a string that a driver would change is refused": brokenText,
  "a number that is not finite is refused": notFinite,
  "a parameter too few or too many is refused": parameterCount,
  "100 parameters are accepted and 101 refused": manyParameters,
  "a LIKE pattern over 50 bytes fails and instr() does not": likePattern,
} as const satisfies Record<string, SqlCase>;

async function foreignKeys(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id TEXT PRIMARY KEY)`);
  await run(sql, `CREATE TABLE ${t}_b (a TEXT REFERENCES ${t}(id) ON DELETE CASCADE)`);
  await assert.rejects(run(sql, `INSERT INTO ${t}_b VALUES ('none')`), SqlFault);
  await sql.batch([
    statement(`INSERT INTO ${t} VALUES ('a')`),
    statement(`INSERT INTO ${t}_b VALUES ('a')`),
    statement(`DELETE FROM ${t}`),
  ]);
  assert.deepEqual(await run(sql, `SELECT * FROM ${t}_b`), []);
}

async function uniqueViolation(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id INTEGER PRIMARY KEY, email TEXT UNIQUE)`);
  const insert = statement(`INSERT INTO ${t} (email) VALUES (?)`, "a@b.c");
  await sql.run(insert);
  for (const attempt of [() => sql.run(insert), () => sql.batch([insert])]) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof UniqueViolation, String(error));
      assert.equal(error.columns, `${t}.email`);
      assert.ok(error.cause instanceof Error);
      return true;
    });
  }
}

async function uniqueTwo(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (a TEXT, b TEXT, PRIMARY KEY (a, b))`);
  await run(sql, `INSERT INTO ${t} VALUES ('x', 'y')`);
  await assert.rejects(run(sql, `INSERT INTO ${t} VALUES ('x', 'y')`), (error) => {
    assert.ok(error instanceof UniqueViolation);
    assert.equal(error.columns, `${t}.a, ${t}.b`);
    return true;
  });
}

async function posing(sql: SqlDb) {
  for (const text of ["UNIQUE constraint failed: a.b", "edgepass_version_conflict"]) {
    const attempt = run(sql, "SELECT json_extract('{}', ?)", `(${text}`);
    await assert.rejects(attempt, SqlFault);
  }
}

async function faults(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (n INTEGER NOT NULL CHECK (n > 0))`);
  const wrong = [
    "SELEC 1",
    "SELECT * FROM nowhere",
    `INSERT INTO ${t} VALUES (NULL)`,
    `INSERT INTO ${t} VALUES (0)`,
  ];
  for (const text of wrong) {
    await assert.rejects(run(sql, text), SqlFault, text);
    await assert.rejects(sql.batch([statement(text)]), SqlFault, text);
  }
}

async function twoStatements(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (n INTEGER)`);
  for (const text of [`INSERT INTO ${t} VALUES (1); DELETE FROM ${t}`, "", " -- nothing"]) {
    await assert.rejects(run(sql, text), TypeError, text);
    await assert.rejects(sql.batch([statement(text)]), TypeError, text);
  }
  await run(sql, `INSERT INTO ${t} VALUES (1); -- one statement`);
  assert.deepEqual(await run(sql, `SELECT n FROM ${t}`), [[1]]);
}

async function transactionControl(sql: SqlDb) {
  for (const text of ["BEGIN", " commit", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "END"]) {
    await assert.rejects(run(sql, text), TypeError, text);
    await assert.rejects(sql.batch([statement(text)]), TypeError, text);
  }
}

/** What a caller behind an ORM may pass despite the type. */
function untyped(value: unknown): SqlValue {
  return value as SqlValue;
}

async function otherTypes(sql: SqlDb) {
  const values = [
    new Date(0),
    true,
    1n,
    undefined,
    {},
    [1],
    Symbol("s"),
    () => 1,
    new ArrayBuffer(1),
  ];
  for (const value of values) {
    const attempt = run(sql, "SELECT ?, ?", "fine", untyped(value));
    await assert.rejects(attempt, { name: "TypeError", message: /parameter 2/ });
    const inBatch = sql.batch([statement("SELECT ?", untyped(value))]);
    await assert.rejects(inBatch, { name: "TypeError", message: /parameter 1/ });
  }
}

async function brokenText(sql: SqlDb) {
  for (const text of ["admin\0", "\0", "\ud800", "a\udc00b"]) {
    const isRefusal = (error: unknown) =>
      error instanceof Problem && error.code === "validation_failed";
    await assert.rejects(run(sql, "SELECT ?", text), isRefusal);
    await assert.rejects(sql.batch([statement("SELECT ?", text)]), isRefusal);
  }
}

async function notFinite(sql: SqlDb) {
  for (const value of [NaN, Infinity, -Infinity]) {
    await assert.rejects(run(sql, "SELECT ?", value), RangeError);
  }
}

async function parameterCount(sql: SqlDb) {
  for (const params of [[], ["a"], ["a", "b", "c"]]) {
    const attempt = statement("SELECT ?, ? AS \"what?\", 'why?' -- ?", ...params);
    await assert.rejects(sql.run(attempt), TypeError);
    await assert.rejects(sql.batch([attempt]), TypeError);
  }
  assert.deepEqual(await run(sql, "SELECT ?, ?", "a", "b"), [["a", "b"]]);
  await assert.rejects(run(sql, "SELECT :name", "a"), TypeError);
}

async function manyParameters(sql: SqlDb) {
  const query = (count: number) =>
    statement(
      `SELECT 1 WHERE 7 IN (${Array(count).fill("?").join(", ")})`,
      ...Array<number>(count).fill(7),
    );
  assert.deepEqual(await sql.run(query(100)), [[1]]);
  await assert.rejects(sql.run(query(101)), RangeError);
}

async function likePattern(sql: SqlDb) {
  const pattern = (bytes: number) => `%${"a".repeat(bytes - 2)}%`;
  const haystack = "a".repeat(100);
  const fits = await run(sql, "SELECT ? LIKE ?", haystack, pattern(50));
  assert.deepEqual(fits, [[1]]);
  // A self-hosted server may have SQLite's own limit of 50,000; D1 has 50.
  const longer = await run(sql, "SELECT ? LIKE ?", haystack, pattern(51)).catch((error) => error);
  if (longer instanceof Error) assert.ok(longer instanceof SqlFault);
  else assert.deepEqual(longer, [[1]]);
  const found = await run(sql, "SELECT instr(?, ?) > 0", haystack, "a".repeat(90));
  assert.deepEqual(found, [[1]]);
}
