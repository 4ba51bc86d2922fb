import assert from "node:assert/strict";
import { type D1Binding, d1Sql } from "./open_sql_db.ts";
import { SqlFault, StoreUnavailable, UniqueViolation } from "./statement.ts";

/** A binding that fails with a message, or returns these batch results; it records the SQL. */
function binding(
  { failure, results = [] }: { failure?: string; results?: { results?: unknown }[] },
) {
  const sent: string[] = [];
  const fail = () => Promise.reject(new Error(failure));
  const prepared = { bind: () => prepared, raw: () => failure ? fail() : Promise.resolve([]) };
  const db: D1Binding = {
    prepare(sql) {
      sent.push(sql);
      return prepared;
    },
    batch: () => failure ? fail() : Promise.resolve(results),
  };
  return { sql: d1Sql(db), sent };
}

const failures = {
  "D1_ERROR: Network connection lost.": StoreUnavailable,
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.": StoreUnavailable,
  "D1_ERROR: database or disk is full: SQLITE_FULL": StoreUnavailable,
  "D1_ERROR: Exceeded maximum DB size": StoreUnavailable,
  "D1_ERROR: no such table: t: SQLITE_ERROR": SqlFault,
  "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT": SqlFault,
  "D1_ERROR: UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: X)": UniqueViolation,
} as const;

for (const [failure, kind] of Object.entries(failures)) {
  Deno.test(`D1's "${failure}" is mapped to ${kind.name}`, async () => {
    const { sql } = binding({ failure });
    const statement = { sql: "SELECT 1", params: [] };
    await assert.rejects(sql.run(statement), kind);
    await assert.rejects(sql.batch([statement]), kind);
  });
}

const refused = {
  "two items of one name": "INSERT INTO t VALUES (1) RETURNING id, name, id",
  "a column with and without its table": "UPDATE t SET a = 1 RETURNING a, t.a",
  "a quoted and a bare name": 'DELETE FROM t RETURNING "id", ID',
  "an alias that equals a column": "DELETE FROM t RETURNING id, name AS id",
  "two aliases without AS": 'DELETE FROM t RETURNING id "a b", name "A b"',
  "a star and a column": "DELETE FROM t RETURNING *, id",
} as const;

for (const [what, text] of Object.entries(refused)) {
  Deno.test(`a D1 batch refuses RETURNING with ${what} before it writes`, async () => {
    const { sql, sent } = binding({});
    await assert.rejects(sql.batch([{ sql: text, params: [] }]), TypeError);
    assert.deepEqual(sent, []);
  });
}

Deno.test("a D1 batch sends RETURNING with distinct names unchanged", async () => {
  const { sql, sent } = binding({});
  const text = 'INSERT INTO t VALUES (1) RETURNING id, lower(name) AS n, max(id, 3), "t"."v"';
  await sql.batch([{ sql: text, params: [] }]);
  assert.deepEqual(sent, [text]);
});

Deno.test("a D1 batch refuses columns named by numbers, whose order is lost", async () => {
  const { sql } = binding({ results: [{ results: [{ 5: 5, id: 1 }] }] });
  await assert.rejects(sql.batch([{ sql: "SELECT id, 5 FROM t", params: [] }]), TypeError);
});

Deno.test("a D1 batch result without rows is an empty list", async () => {
  const { sql } = binding({ results: [{}] });
  assert.deepEqual(await sql.batch([{ sql: "DELETE FROM t", params: [] }]), [[]]);
});
