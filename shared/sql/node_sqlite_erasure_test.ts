import assert from "node:assert/strict";
import { openNodeSqlite } from "./node_sqlite.ts";

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
