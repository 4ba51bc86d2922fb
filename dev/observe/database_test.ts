import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { answeredLine, openStore } from "../../tests/support/observed.ts";
import { traceIdOf } from "../../tests/support/otlp.ts";
import { openDatabase, openForReading } from "./database.ts";
import { findRequest } from "./requests.ts";
import { createStore } from "./store.ts";

const traceId = traceIdOf(1);
const lines = [answeredLine(traceId, { time: 1_000 })];

Deno.test("a store outlives the program that wrote it, and goes on counting", async () => {
  await using world = await openStore();
  world.store.write({ lines });
  world.close();
  using db = openDatabase(world.path, assert.fail);
  assert.deepEqual(createStore(db).counts(), { requests: 1, logs: 1 });
  assert.equal(findRequest(db, traceId)?.path, "/courses");
});

Deno.test("a store is its owner's alone, and so are the files beside it", async () => {
  await using world = await openStore();
  world.store.write({ lines });
  const modes = [...Deno.readDirSync(world.folder)].map(({ name }) =>
    ((Deno.statSync(`${world.folder}/${name}`).mode ?? 0) & 0o777).toString(8)
  );
  assert.deepEqual(modes, ["600", "600", "600"]);
});

const foreign = {
  "a store of another version": [7, "store.v7.sqlite"],
  "a database without a version": [0, "store.v0.sqlite"],
} as const;

for (const [what, [version, name]] of Object.entries(foreign)) {
  Deno.test(`${what} is kept under another name, and a new one begins`, async () => {
    await using world = await openStore();
    world.close();
    Deno.removeSync(world.path);
    const other = new DatabaseSync(world.path);
    other.exec(
      `CREATE TABLE kept (a); INSERT INTO kept VALUES (1); PRAGMA user_version = ${version}`,
    );
    other.close();
    const renamed: string[] = [];
    using db = openDatabase(world.path, (path) => renamed.push(path));
    assert.deepEqual(renamed, [`${world.folder}/${name}`]);
    assert.deepEqual(createStore(db).counts(), { requests: 0, logs: 0 });
    const kept = new DatabaseSync(`${world.folder}/${name}`);
    assert.equal(kept.prepare("SELECT a FROM kept").get()?.a, 1);
    kept.close();
  });
}

Deno.test("what is no database is kept under another name", async () => {
  await using world = await openStore();
  world.close();
  Deno.writeTextFileSync(world.path, "no database ".repeat(1_000));
  using db = openDatabase(world.path);
  assert.deepEqual(createStore(db).counts(), { requests: 0, logs: 0 });
  const kept = Deno.readTextFileSync(`${world.folder}/store.unreadable.sqlite`);
  assert.match(kept, /^no database/);
});

Deno.test("a store can be read beside its writer and after, and never written", async () => {
  await using world = await openStore();
  world.store.write({ lines });
  using beside = openForReading(world.path);
  assert.equal(findRequest(beside, traceId)?.path, "/courses");
  assert.throws(() => beside.run("DELETE FROM lines"), /readonly/);
  world.close();
  using after = openForReading(world.path);
  assert.equal(findRequest(after, traceId)?.path, "/courses");
});

Deno.test("a store of another version is not read", async () => {
  await using world = await openStore();
  world.db.run("PRAGMA user_version = 9");
  assert.throws(() => openForReading(world.path), /its schema is version 9/);
});

Deno.test("a batch that fails leaves nothing", async () => {
  await using world = await openStore();
  // SQLite takes it for NULL, which is no time.
  const broken = answeredLine(traceId, { time: Number.NaN });
  assert.throws(() => world.store.write({ lines: [...lines, broken] }));
  assert.equal(findRequest(world.db, traceId), undefined);
  world.store.write({ lines });
  assert.deepEqual(world.store.counts(), { requests: 1, logs: 1 });
});
