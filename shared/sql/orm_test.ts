import assert from "node:assert/strict";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import { openNodeSqlite } from "./node_sqlite.ts";
import { orm } from "./store.ts";

Deno.test("drizzle's transaction is refused before anything runs", () => {
  const sent: string[] = [];
  const db = orm({
    run({ sql }) {
      sent.push(sql);
      return Promise.resolve([]);
    },
    batch: () => Promise.resolve([]),
  });
  assert.ok("transaction" in db && typeof db.transaction === "function");
  assert.throws(db.transaction.bind(db, () => {}), TypeError);
  assert.deepEqual(sent, []);
});

Deno.test("an error of a drizzle query contains none of its parameters", async () => {
  const sql = openNodeSqlite(":memory:");
  const accounts = sqliteTable("accounts", { id: text().primaryKey() });
  const error = await orm(sql).insert(accounts).values({ id: "s3cret" }).catch((error) => error);
  assert.ok(error instanceof Error);
  assert.ok(!`${error.stack} ${error.cause}`.includes("s3cret"));
  sql.close();
});
