import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type SqlDb, type SqlValue, StoreUnavailable } from "./statement.ts";
import { openNodeSqlite } from "./node_sqlite.ts";

const run = (sql: SqlDb, text: string, ...params: SqlValue[]) => sql.run({ sql: text, params });

/** A temporary folder, whose databases are always closed at the end. */
async function setup() {
  const folder = await Deno.makeTempDir();
  const opened: { close(): void }[] = [];
  return {
    open(name = "db", options = {}) {
      const sql = openNodeSqlite(`${folder}/${name}`, options);
      opened.push(sql);
      return sql;
    },
    folder,
    async [Symbol.asyncDispose]() {
      for (const sql of opened) sql.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("a SQLite file has persistent rows, a write-ahead log and foreign keys", async () => {
  await using store = await setup();
  const first = store.open();
  await run(first, "CREATE TABLE t (n INTEGER)");
  await run(first, "INSERT INTO t VALUES (1)");
  first.close();
  const second = store.open();
  assert.deepEqual(await run(second, "SELECT n FROM t"), [[1]]);
  assert.deepEqual(await run(second, "PRAGMA journal_mode"), [["wal"]]);
  assert.deepEqual(await run(second, "PRAGMA synchronous"), [[1]]);
  assert.deepEqual(await run(second, "PRAGMA foreign_keys"), [[1]]);
  assert.deepEqual(await run(second, "PRAGMA busy_timeout"), [[2000]]);
});

Deno.test("a SQLite file that cannot be opened is an unavailable store", async () => {
  await using store = await setup();
  assert.throws(() => store.open("no/such/folder/db"), StoreUnavailable);
});

Deno.test("a file that is not a SQLite database is an unavailable store", async () => {
  await using store = await setup();
  await Deno.writeTextFile(`${store.folder}/text`, "not a database ".repeat(100));
  assert.throws(() => store.open("text"), StoreUnavailable);
});

Deno.test("a write while another process holds the lock is refused as an unavailable store", async () => {
  await using store = await setup();
  const [holder, waiter] = [store.open("db"), store.open("db", { busyTimeoutMs: 1 })];
  await run(holder, "CREATE TABLE t (n INTEGER)");
  const insert = { sql: "INSERT INTO t VALUES (1)", params: [] };
  const count = { sql: "SELECT count(*) FROM t", params: [] };
  const lock = new DatabaseSync(`${store.folder}/db`);
  lock.exec("BEGIN IMMEDIATE");
  await assert.rejects(waiter.run(insert), StoreUnavailable);
  await assert.rejects(waiter.batch([insert]), StoreUnavailable);
  assert.deepEqual(await waiter.run(count), [[0]]);
  lock.exec("ROLLBACK");
  lock.close();
  await waiter.batch([insert]);
  assert.deepEqual(await holder.run(count), [[1]]);
});

Deno.test("a closed SQLite database is an unavailable store, and can be closed twice", async () => {
  const sql = openNodeSqlite(":memory:");
  await run(sql, "SELECT 1");
  sql.close();
  sql.close();
  await assert.rejects(run(sql, "SELECT 1"), StoreUnavailable);
  await assert.rejects(run(sql, "SELECT 2"), StoreUnavailable);
  await assert.rejects(sql.batch([{ sql: "SELECT 1", params: [] }]), StoreUnavailable);
});

Deno.test("a SQLite file whose log was cut off can be closed", async () => {
  await using store = await setup();
  const sql = store.open();
  await run(sql, "CREATE TABLE t (n INTEGER)");
  await Deno.truncate(`${store.folder}/db-wal`, 100);
  sql.close();
  await assert.rejects(run(sql, "SELECT 1"), StoreUnavailable);
});

Deno.test("a statement returns the columns that a schema change added", async () => {
  const sql = openNodeSqlite(":memory:");
  await run(sql, "CREATE TABLE t (a TEXT)");
  await run(sql, "INSERT INTO t VALUES ('x')");
  assert.deepEqual(await run(sql, "SELECT * FROM t"), [["x"]]);
  await run(sql, "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'y'");
  assert.deepEqual(await run(sql, "SELECT * FROM t"), [["x", "y"]]);
  sql.close();
});

Deno.test("a database in memory runs more distinct statements than the cache holds", async () => {
  const sql = openNodeSqlite(":memory:");
  for (let index = 0; index < 600; index += 1) {
    assert.deepEqual(await run(sql, `SELECT ${index}, ?`, index), [[index, index]]);
  }
  sql.close();
});

Deno.test("SQLite in dev has D1's limits of patterns and statements", async () => {
  const sql = openNodeSqlite(":memory:");
  await assert.rejects(run(sql, "SELECT 'a' LIKE ?", "a".repeat(51)), { name: "SqlFault" });
  await assert.rejects(run(sql, `SELECT '${"a".repeat(100_000)}'`), { name: "SqlFault" });
  sql.close();
});

Deno.test("an integer that a number cannot represent is a SqlFault and not a rounded number", async () => {
  const sql = openNodeSqlite(":memory:");
  await assert.rejects(run(sql, "SELECT 9007199254740993"), { name: "SqlFault" });
  sql.close();
});

Deno.test("a cached statement with another number of parameters is checked again", async () => {
  const database = openNodeSqlite(":memory:");
  const sql = "SELECT ?";
  assert.deepEqual(await database.run({ sql, params: [1] }), [[1]]);
  await assert.rejects(database.run({ sql, params: [] }), TypeError);
  await assert.rejects(database.run({ sql, params: [1, 2] }), TypeError);
  database.close();
});
