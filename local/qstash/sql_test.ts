import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSql } from "./sql.ts";

const secret = "somebody@example.test";

async function setup() {
  const folder = await Deno.makeTempDir({ prefix: "qstash-sql-" });
  const path = join(folder, "qstash.sqlite");
  return {
    path,
    /** The files that contain the secret. */
    found: () =>
      [...Deno.readDirSync(folder)].map(({ name }) => name)
        .filter((name) => Deno.readTextFileSync(join(folder, name)).includes(secret)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("what is deleted is gone from the file, and from its log although another process reads", async () => {
  await using place = await setup();
  const sql = openSql(place.path);
  sql.run("CREATE TABLE letters (id INTEGER PRIMARY KEY, body TEXT)");
  sql.run("INSERT INTO letters VALUES (1, ?), (2, ?)", secret, secret.repeat(1_000));
  sql.all("PRAGMA wal_checkpoint(TRUNCATE)");
  assert.deepEqual(place.found(), ["qstash.sqlite"], "the test would see it");
  sql.run("INSERT INTO letters VALUES (3, ?)", secret);
  sql.run("DELETE FROM letters");
  // The dashboard of dev: SQLite truncates the log by itself only when the last reader closes.
  using reader = new DatabaseSync(place.path, { readOnly: true });
  reader.prepare("SELECT count(*) FROM letters").get();
  assert.ok(place.found().length > 0);
  sql.close();
  assert.deepEqual(place.found(), []);
});

Deno.test("a file of 0.1.0 is overwritten where it has deleted data, once", async () => {
  await using place = await setup();
  {
    using old = new DatabaseSync(place.path);
    old.exec(
      "PRAGMA secure_delete = OFF; CREATE TABLE letters (id INTEGER PRIMARY KEY, body TEXT)",
    );
    old.prepare("INSERT INTO letters VALUES (1, ?)").run(secret.repeat(1_000));
    old.exec("DELETE FROM letters");
  }
  assert.deepEqual(place.found(), ["qstash.sqlite"], "the test would see it");
  openSql(place.path).close();
  assert.deepEqual(place.found(), []);
  const sql = openSql(place.path);
  sql.run("INSERT INTO letters VALUES (1, ?)", secret.repeat(1_000));
  sql.run("DELETE FROM letters");
  sql.close();
  const again = openSql(place.path);
  const free = again.get("PRAGMA freelist_count")?.freelist_count;
  again.close();
  assert.ok(Number(free) > 0, "a start does not rewrite the whole file each time");
});
