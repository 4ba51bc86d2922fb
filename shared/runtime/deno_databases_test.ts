import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openDatabases, scrubSqliteFile } from "./deno_files.ts";

const secret = "somebody@example.test";
const migrations = { AUTH_DB: new URL("../../services/auth/migrations/", import.meta.url) };

async function setup() {
  const folder = await Deno.makeTempDir({ prefix: "databases-" });
  const path = `${folder}/auth.sqlite`;
  return {
    path,
    setting: `sqlite:${path}`,
    open: () => openDatabases({ AUTH_DB: `sqlite:${path}` }, migrations),
    /** Runs SQL as 0.1.0 did, on a connection of its own. */
    run(sql: string): void {
      using database = new DatabaseSync(path);
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA secure_delete = OFF; ${sql}`);
    },
    freePages(): unknown {
      using database = new DatabaseSync(path);
      return database.prepare("PRAGMA freelist_count").get()?.freelist_count;
    },
    /** The files that contain the secret. */
    found: () =>
      [...Deno.readDirSync(folder)].map(({ name }) => name)
        .filter((name) => Deno.readTextFileSync(`${folder}/${name}`).includes(secret)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const writeAndDelete = `CREATE TABLE extra (text TEXT);
  INSERT INTO extra VALUES ('${secret.repeat(1_000)}'); DROP TABLE extra;`;

Deno.test("a start overwrites what 0.1.0 has deleted in a database file", async () => {
  await using place = await setup();
  (await place.open()).close();
  place.run(`PRAGMA user_version = 0; ${writeAndDelete}`);
  assert.deepEqual(place.found(), ["auth.sqlite"], "the test would see it");
  const databases = await place.open();
  assert.deepEqual(place.found(), [], "while the service runs, too");
  databases.close();
});

Deno.test("a later start does not rewrite the whole file", async () => {
  await using place = await setup();
  (await place.open()).close();
  place.run(writeAndDelete);
  const before = place.freePages();
  assert.ok(Number(before) > 0);
  (await place.open()).close();
  assert.equal(place.freePages(), before);
});

Deno.test("a start empties the log that a killed process left", async () => {
  await using place = await setup();
  (await place.open()).close();
  const log = `${place.path}-wal`;
  {
    using killed = new DatabaseSync(place.path);
    killed.exec(`PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 0; ${writeAndDelete}`);
    Deno.copyFileSync(log, `${place.path}-left`);
  }
  Deno.renameSync(`${place.path}-left`, log);
  assert.deepEqual(place.found(), ["auth.sqlite-wal"], "the test would see it");
  const databases = await place.open();
  assert.deepEqual(place.found(), [], "while the service runs, too");
  databases.close();
});

Deno.test("a file that another process writes to is left to the next start", async () => {
  await using place = await setup();
  (await place.open()).close();
  place.run(`PRAGMA user_version = 0; ${writeAndDelete}`);
  {
    using writer = new DatabaseSync(place.path);
    writer.exec("BEGIN IMMEDIATE");
    await scrubSqliteFile(place.setting);
    writer.exec("ROLLBACK");
  }
  assert.deepEqual(place.found(), ["auth.sqlite"]);
  await scrubSqliteFile(place.setting);
  assert.deepEqual(place.found(), []);
});
