import assert from "node:assert/strict";
import { type SqlDb, type SqlValue, UniqueViolation } from "@edgepass/shared/sql";
import { run, type SqlCase, statement } from "./sql_case.ts";

/** How values, rows and batches are returned. */
export const rowCases = {
  "a value is read as it was written": valuesRoundTrip,
  "only the bytes of the given view are stored": bytesOfAView,
  "a number takes the storage class of its column": numbersAndAffinity,
  "a row of run() has every column of a join with equal names": equalNames,
  "a row of batch() has every column of a join with equal names": equalNamesInBatch,
  "a WITH query and VALUES work in a batch": withAndValues,
  "a batch keeps the order of a sorted query": sortedInBatch,
  "a batch refuses or keeps two RETURNING columns of one name": equalReturning,
  "no rows are an empty list": emptyResults,
  "RETURNING returns the written row": returning,
  "UPSERT changes the existing row": upsert,
  "an empty batch does nothing": emptyBatch,
  "a batch that fails changes nothing": atomicBatch,
  "a statement sees what its batch wrote before it": ownWrites,
  "FTS5 and JSON functions are available": fts,
} as const satisfies Record<string, SqlCase>;

async function valuesRoundTrip(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (x TEXT, i INTEGER, r REAL, b BLOB)`);
  const rows: SqlValue[][] = [
    ["", 0, 0, new Uint8Array()],
    ["ä€😀 '\"\n\u2028 ﷽", Number.MAX_SAFE_INTEGER, 1.5, new Uint8Array([0, 1, 127, 128, 255])],
    ["x".repeat(10_000), Number.MIN_SAFE_INTEGER, -1e300, new Uint8Array(10_000).fill(7)],
    [null, null, null, null],
  ];
  for (const row of rows) await run(sql, `INSERT INTO ${t} VALUES (?, ?, ?, ?)`, ...row);
  const select = `SELECT x, i, r, b FROM ${t} ORDER BY rowid`;
  assert.deepEqual(await run(sql, select), rows);
  assert.deepEqual(await sql.batch([statement(select)]), [rows]);
}

async function bytesOfAView(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (b BLOB)`);
  const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  await run(sql, `INSERT INTO ${t} VALUES (?)`, view);
  assert.deepEqual(await run(sql, `SELECT b, length(b) FROM ${t}`), [[
    new Uint8Array([2, 3]),
    2,
  ]]);
}

async function numbersAndAffinity(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (i INTEGER, r REAL)`);
  await run(sql, `INSERT INTO ${t} VALUES (?, ?)`, 3, 3);
  const types = await run(sql, `SELECT typeof(i), typeof(r) FROM ${t} WHERE i = ?`, 3);
  assert.deepEqual(types, [["integer", "real"]]);
  const bare = await run(sql, "SELECT typeof(?), typeof(CAST(? AS INTEGER))", 3, 3);
  assert.deepEqual(bare, [["real", "integer"]]);
  assert.equal((await run(sql, `SELECT 1 FROM ${t} LIMIT ? OFFSET ?`, 20, 0)).length, 1);
}

async function twoTables(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id TEXT PRIMARY KEY, name TEXT)`);
  await run(sql, `CREATE TABLE ${t}_b (id TEXT PRIMARY KEY, name TEXT, a TEXT)`);
  await run(sql, `INSERT INTO ${t} VALUES (?, ?)`, "a1", "first");
  await run(sql, `INSERT INTO ${t}_b VALUES (?, ?, ?)`, "b1", "second", "a1");
  return `SELECT x.id, x.name, y.id, y.name FROM ${t} x JOIN ${t}_b y ON y.a = x.id`;
}

async function equalNames(sql: SqlDb, t: string) {
  const join = await twoTables(sql, t);
  assert.deepEqual(await run(sql, join), [["a1", "first", "b1", "second"]]);
}

async function equalNamesInBatch(sql: SqlDb, t: string) {
  const join = await twoTables(sql, t);
  const [rows, again, star] = await sql.batch([
    statement(join),
    statement(`${join} WHERE x.id = ?; -- the last`, "a1"),
    statement(`SELECT * FROM ${t} x JOIN ${t}_b y ON y.a = x.id`),
  ]);
  assert.deepEqual(rows, [["a1", "first", "b1", "second"]]);
  assert.deepEqual(again, rows);
  assert.deepEqual(star, [["a1", "first", "b1", "second", "a1"]]);
}

async function withAndValues(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (n INTEGER)`);
  const results = await sql.batch([
    statement("WITH a(n, n) AS (VALUES (?, 'x')) SELECT * FROM a", "one"),
    statement("VALUES (?, ?), ('c', 'd')", "a", "b"),
    statement(`WITH a(n) AS (VALUES (5)) INSERT INTO ${t} SELECT n FROM a RETURNING n`),
    statement(`SELECT n AS "select", n FROM ${t} UNION ALL SELECT 1 AS a, 2 AS b`),
  ]);
  assert.deepEqual(results, [[["one", "x"]], [["a", "b"], ["c", "d"]], [[5]], [[5, 5], [1, 2]]]);
}

async function sortedInBatch(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (n INTEGER)`);
  await run(sql, `INSERT INTO ${t} VALUES (2), (9), (1), (7)`);
  const [all, some] = await sql.batch([
    statement(`SELECT n, n FROM ${t} ORDER BY n DESC`),
    statement(`SELECT n FROM ${t} ORDER BY n DESC LIMIT ?`, 2),
  ]);
  assert.deepEqual(all?.map(([n]) => n), [9, 7, 2, 1]);
  assert.deepEqual(some, [[9], [7]]);
}

async function equalReturning(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id INTEGER PRIMARY KEY, name TEXT)`);
  const insert = `INSERT INTO ${t} (id, name) VALUES (1, 'a') RETURNING`;
  for (const columns of [`id, name, "${t}"."id"`, "*, id", "id AS a, name AS a"]) {
    const result = await sql.batch([statement(`${insert} ${columns}`)]).catch((error) => error);
    if (result instanceof Error) {
      assert.ok(result instanceof TypeError, String(result));
      assert.deepEqual(await run(sql, `SELECT * FROM ${t}`), []);
    } else {
      assert.deepEqual(result[0]?.[0]?.length, columns.split(",").length + +columns.includes("*"));
    }
    await run(sql, `DELETE FROM ${t}`);
  }
}

async function emptyResults(sql: SqlDb, t: string) {
  assert.deepEqual(await run(sql, `CREATE TABLE ${t} (n INTEGER)`), []);
  assert.deepEqual(await run(sql, `SELECT * FROM ${t}`), []);
  assert.deepEqual(await run(sql, `INSERT INTO ${t} VALUES (1)`), []);
  const results = await sql.batch([
    statement(`UPDATE ${t} SET n = 2`),
    statement(`SELECT n FROM ${t} WHERE n = 1`),
    statement(`DELETE FROM ${t}`),
  ]);
  assert.deepEqual(results, [[], [], []]);
}

async function returning(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`);
  const insert = `INSERT INTO ${t} (name) VALUES (?) RETURNING id, name, length(name) AS n`;
  assert.deepEqual(await run(sql, insert, "ab"), [[1, "ab", 2]]);
  assert.deepEqual(await sql.batch([statement(insert, "abc")]), [[[2, "abc", 3]]]);
  assert.deepEqual(await run(sql, `DELETE FROM ${t} RETURNING *`), [[1, "ab"], [2, "abc"]]);
}

async function upsert(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id TEXT PRIMARY KEY, n INTEGER NOT NULL)`);
  const text =
    `INSERT INTO ${t} VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1 RETURNING n`;
  assert.deepEqual(await run(sql, text, "a"), [[1]]);
  assert.deepEqual(await run(sql, text, "a"), [[2]]);
}

async function emptyBatch(sql: SqlDb) {
  assert.deepEqual(await sql.batch([]), []);
}

async function atomicBatch(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (id INTEGER PRIMARY KEY)`);
  const insert = `INSERT INTO ${t} VALUES (?)`;
  await assert.rejects(
    sql.batch([statement(insert, 1), statement(insert, 2), statement(insert, 1)]),
    UniqueViolation,
  );
  await assert.rejects(sql.batch([statement(insert, 3), statement("SELECT * FROM nowhere")]));
  assert.deepEqual(await run(sql, `SELECT id FROM ${t}`), []);
  await sql.batch([statement(insert, 1), statement(insert, 2)]);
  assert.deepEqual(await run(sql, `SELECT id FROM ${t}`), [[1], [2]]);
}

async function ownWrites(sql: SqlDb, t: string) {
  await run(sql, `CREATE TABLE ${t} (n INTEGER)`);
  const [, rows] = await sql.batch([
    statement(`INSERT INTO ${t} VALUES (?)`, 4),
    statement(`SELECT n FROM ${t}`),
  ]);
  assert.deepEqual(rows, [[4]]);
}

async function fts(sql: SqlDb, t: string) {
  await run(sql, `CREATE VIRTUAL TABLE ${t} USING fts5(body)`);
  await run(sql, `INSERT INTO ${t} VALUES (?)`, "edge native identity");
  const found = await run(sql, `SELECT body FROM ${t} WHERE ${t} MATCH ?`, "native");
  assert.deepEqual(found, [["edge native identity"]]);
  const tags = await run(sql, "SELECT value FROM json_each(?)", '["a","b"]');
  assert.deepEqual(tags, [["a"], ["b"]]);
}
