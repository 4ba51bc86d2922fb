import assert from "node:assert/strict";
import { openNodeSqlite } from "./node_sqlite.ts";

Deno.test("a close empties the log although another process reads the file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/db`;
  const database = openNodeSqlite(path);
  await database.run({ sql: "CREATE TABLE people (email TEXT)", params: [] });
  const reader = openNodeSqlite(path);
  await reader.run({ sql: "SELECT count(*) FROM people", params: [] });
  assert.ok(Deno.statSync(`${path}-wal`).size > 0);
  database.close();
  assert.equal(Deno.statSync(`${path}-wal`).size, 0);
  reader.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("after a close no byte of deleted rows is in the SQLite file or its log", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/db`;
  const secret = "somebody@example.test";
  const database = openNodeSqlite(path);
  const run = (sql: string) => database.run({ sql, params: [] });
  await run("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT)");
  await run(`INSERT INTO people VALUES (1, '${secret}'), (2, '${secret.repeat(1_000)}')`);
  await run("PRAGMA wal_checkpoint(TRUNCATE)");
  assert.ok((await Deno.readTextFile(path)).includes(secret), "the text is in the file before");
  await run("DELETE FROM people");
  database.close();
  for await (const { name } of Deno.readDir(folder)) {
    assert.ok(!(await Deno.readTextFile(`${folder}/${name}`)).includes(secret), name);
  }
  await Deno.remove(folder, { recursive: true });
});
