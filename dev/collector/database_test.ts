import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { answeredLine, openStore } from "../../tests/support/observed.ts";
import { traceIdOf } from "../../tests/support/otlp.ts";
import { openDatabase, openForReading } from "./database.ts";
import { findRequest } from "./lists.ts";
import { createStore } from "./store.ts";

const traceId = traceIdOf(1);
const lines = [answeredLine(traceId, { time: 1_000 })];

Deno.test("a store outlives the program that wrote it, with its counts", async () => {
  await using fixture = await openStore();
  fixture.store.write({ lines });
  fixture.close();
  using db = openDatabase(fixture.path, assert.fail);
  assert.deepEqual(createStore(db).counts(), { requests: 1, logs: 1 });
  assert.equal(findRequest(db, traceId)?.path, "/courses");
});

Deno.test("only the owner can read a store and the files beside it", async () => {
  await using fixture = await openStore();
  fixture.store.write({ lines });
  const modes = [...Deno.readDirSync(fixture.folder)].map(({ name }) =>
    ((Deno.statSync(`${fixture.folder}/${name}`).mode ?? 0) & 0o777).toString(8)
  );
  assert.deepEqual(modes, ["600", "600", "600"]);
});

const unusable = {
  "a store of another version": [7, "store.v7.sqlite"],
  "a database without a version": [0, "store.v0.sqlite"],
} as const;

for (const [what, [version, name]] of Object.entries(unusable)) {
  Deno.test(`${what} is renamed, and a new one begins`, async () => {
    await using fixture = await openStore();
    fixture.close();
    Deno.removeSync(fixture.path);
    const other = new DatabaseSync(fixture.path);
    other.exec(
      `CREATE TABLE kept (a); INSERT INTO kept VALUES (1); PRAGMA user_version = ${version}`,
    );
    other.close();
    const renamed: string[] = [];
    using db = openDatabase(fixture.path, (path) => renamed.push(path));
    assert.deepEqual(renamed, [`${fixture.folder}/${name}`]);
    assert.deepEqual(createStore(db).counts(), { requests: 0, logs: 0 });
    const renamedStore = new DatabaseSync(`${fixture.folder}/${name}`);
    assert.equal(renamedStore.prepare("SELECT a FROM kept").get()?.a, 1);
    renamedStore.close();
  });
}

Deno.test("a file that is not a database is renamed", async () => {
  await using fixture = await openStore();
  fixture.close();
  Deno.writeTextFileSync(fixture.path, "no database ".repeat(1_000));
  using db = openDatabase(fixture.path);
  assert.deepEqual(createStore(db).counts(), { requests: 0, logs: 0 });
  const renamedStore = Deno.readTextFileSync(`${fixture.folder}/store.unreadable.sqlite`);
  assert.match(renamedStore, /^no database/);
});

Deno.test("a store can be read beside its writer and after, and never written", async () => {
  await using fixture = await openStore();
  fixture.store.write({ lines });
  using beside = openForReading(fixture.path);
  assert.equal(findRequest(beside, traceId)?.path, "/courses");
  assert.throws(() => beside.run("DELETE FROM lines"), /readonly/);
  fixture.close();
  using after = openForReading(fixture.path);
  assert.equal(findRequest(after, traceId)?.path, "/courses");
});

Deno.test("a store of another version is not read", async () => {
  await using fixture = await openStore();
  fixture.db.run("PRAGMA user_version = 9");
  assert.throws(() => openForReading(fixture.path), /its schema is version 9/);
});

Deno.test("a batch that fails leaves no rows", async () => {
  await using fixture = await openStore();
  // SQLite takes it for NULL, which is no time.
  const broken = answeredLine(traceId, { time: Number.NaN });
  assert.throws(() => fixture.store.write({ lines: [...lines, broken] }));
  assert.equal(findRequest(fixture.db, traceId), undefined);
  fixture.store.write({ lines });
  assert.deepEqual(fixture.store.counts(), { requests: 1, logs: 1 });
});
