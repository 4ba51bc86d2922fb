import assert from "node:assert/strict";
import * as z from "zod/mini";
import { ConfigError, readConfig } from "../composition/settings.ts";
import { readSqlDb, sqlSource } from "./open_sql_db.ts";

const open = { run: () => Promise.resolve([[1]]), batch: () => Promise.resolve([]) };
const d1 = {
  prepare: () => ({ bind: () => d1.prepare(), raw: () => Promise.resolve([[1]]) }),
  batch: () => Promise.resolve([{ results: [{ n: 1 }] }]),
};

const refused = {
  "a file": ["sqlite:s3cret.db", /is a file, which this runtime does not open/],
  "a text that is not a URL": ["s3cret", /must be a D1 binding/],
  "a URL of another kind": ["postgres://s3cret@db", /must be a D1 binding/],
  "an object without the methods": [{ prepare() {} }, /must be a D1 binding/],
  "a number": [5, /must be a D1 binding/],
  "null": [null, /must be a D1 binding/],
} as const;

for (const [what, [value, message]] of Object.entries(refused)) {
  Deno.test(`a database setting refuses ${what}, and the error does not contain the value`, () => {
    assert.throws(() => readSqlDb(value), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("s3cret"));
      return true;
    });
    assert.throws(() => readConfig(z.object({ DB: sqlSource }), { DB: value }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes("s3cret"));
      return true;
    });
  });
}

Deno.test("a database setting accepts an open database", async () => {
  const { DB } = readConfig(z.object({ DB: sqlSource }), { DB: open });
  assert.deepEqual(await readSqlDb(DB).run({ sql: "SELECT 1", params: [] }), [[1]]);
});

Deno.test("a database setting accepts a D1 binding", async () => {
  const { DB } = readConfig(z.object({ DB: sqlSource }), { DB: d1 });
  const sql = readSqlDb(DB);
  assert.deepEqual(await sql.run({ sql: "SELECT 1", params: [] }), [[1]]);
  assert.deepEqual(await sql.batch([{ sql: "SELECT 1 AS n", params: [] }]), [[[1]]]);
});

Deno.test("a database setting accepts a libSQL URL and sends nothing", () => {
  for (const url of ["libsql://db.example.com", "https://db.example.com", "http://127.0.0.1:1"]) {
    const { DB } = readConfig(z.object({ DB: sqlSource }), { DB: url });
    assert.equal(typeof readSqlDb(DB, "token").batch, "function");
  }
});
