import { isSqliteFile, openSqliteFile, readMigrations } from "@edgepass/shared/runtime/deno";
import { migrate } from "@edgepass/shared/sql";
import assert from "node:assert/strict";
import { startHranaServer } from "../../../tests/hrana_server.ts";
import {
  allWell,
  createDoctorContext,
  createEffects,
  type DoctorContextOverrides,
  troubleOf,
} from "../../../tests/support/doctor.ts";
import { freePort, temporaryWorkspace } from "../../../tests/support/dev_system.ts";
import { checkDatabases } from "./databases.ts";

/** The database of course, up to date, and a way to spoil it. */
async function setup() {
  const workspace = await temporaryWorkspace();
  const path = `${workspace.path}/course.sqlite`;
  const value = `sqlite:${path}`;
  assert.ok(isSqliteFile(value));
  const folder = new URL("../../../services/course/migrations/", import.meta.url);
  const change = async (sql?: string) => {
    const database = await openSqliteFile(value);
    if (sql === undefined) await migrate(database, await readMigrations(folder));
    else await database.run({ sql, params: [] });
    database.close();
  };
  await change();
  const look = (context: DoctorContextOverrides = {}, COURSE_DB = value) =>
    checkDatabases(
      createDoctorContext({ ...context, settings: { COURSE_DB, ...context.settings } }),
      createEffects(),
    );
  return { ...workspace, path, value, change, look };
}

const well = "COURSE_DB opens, is undamaged and has all its tables";

Deno.test("a database that is up to date passes, and the check changes nothing", async () => {
  await using database = await setup();
  const before = await Deno.readFile(database.path);
  assert.deepEqual(allWell(await database.look()), [well]);
  assert.deepEqual(await Deno.readFile(database.path), before);
});

const running = { name: "running", pid: "1" } as const;
/** The owner of a database that lacks a table, and the finding. */
const lagging = {
  "that dev left": [{}, "warn", "deno task dev, which applies them"],
  "that dev uses": [{ dev: running }, "fail", "end dev and start it again, which applies them"],
  "of a deployment": [{ scope: "deployment" }, "fail", "deno task migrate"],
} as const;
for (const [what, [context, state, fix]] of Object.entries(lagging)) {
  Deno.test(`the finding about a database ${what} names the missing migrations`, async () => {
    await using database = await setup();
    await database.change("DELETE FROM d1_migrations");
    const names = [
      ...Deno.readDirSync(new URL("../../../services/course/migrations/", import.meta.url)),
    ]
      .map(({ name }) => name).toSorted().join(", ");
    assert.equal(
      troubleOf(await database.look(context)),
      `${state}: COURSE_DB lacks ${names} → ${fix}`,
    );
  });
}

Deno.test("a database that is newer than the source is reported", async () => {
  await using database = await setup();
  await database.change("INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
  assert.equal(
    troubleOf(await database.look()),
    "fail: COURSE_DB is newer than this source: it has 9999_later.sql" +
      " → git pull, or use the source that made it",
  );
});

Deno.test("a file that is not a database is reported as damaged", async () => {
  await using database = await setup();
  await Deno.writeTextFile(database.path, "no database at all, and long enough to be looked at");
  const what = `COURSE_DB is damaged or cannot be read: ${database.path}`;
  assert.equal(
    troubleOf(await database.look()),
    `fail: ${what} → restore ${database.path} from a copy,` +
      ` or start empty: rm ${database.path}*`,
  );
  assert.equal(
    troubleOf(await database.look({ scope: "deployment" })),
    `fail: ${what} → restore ${database.path} from a copy`,
  );
});

Deno.test("damage in a page that no query reads yet is reported", async () => {
  await using database = await setup();
  await database.change("CREATE TABLE at_the_end (text)");
  const bytes = await Deno.readFile(database.path);
  await Deno.writeFile(database.path, bytes.fill(0xa5, -4096));
  assert.match(troubleOf(await database.look()), /^fail: COURSE_DB is damaged or cannot be read/);
});

Deno.test("a missing file is left for dev to create, unless dev has it open", async () => {
  await using database = await setup();
  const absent = `${database.value}.not-there`;
  assert.deepEqual(allWell(await database.look({}, absent)), [
    "COURSE_DB is not there yet; dev makes it",
  ]);
  assert.equal(
    troubleOf(await database.look({ dev: running }, absent)),
    "fail: the file of COURSE_DB is gone while dev is running → end dev and start it again",
  );
  assert.equal(
    troubleOf(await database.look({ scope: "deployment" }, absent)),
    "fail: the file of COURSE_DB is not there → deno task migrate",
  );
  await assert.rejects(Deno.stat(absent.slice("sqlite:".length)), Deno.errors.NotFound);
});

Deno.test("a libSQL server is called with its token", async () => {
  await using database = await setup();
  await using server = await startHranaServer({ path: database.path, token: "hidden" });
  const settings = { COURSE_DB_TOKEN: "hidden" };
  assert.deepEqual(allWell(await database.look({ settings }, server.url)), [well]);
  assert.equal(
    troubleOf(await database.look({}, server.url)),
    "fail: COURSE_DB does not respond → see COURSE_DB and COURSE_DB_TOKEN, and its server",
  );
});

Deno.test("a missing libSQL server is reported as not responding", async () => {
  await using database = await setup();
  const found = await database.look({ scope: "deployment" }, `http://127.0.0.1:${freePort()}`);
  assert.match(troubleOf(found), /^fail: COURSE_DB does not respond → /);
});

Deno.test("databases in workerd are left to wrangler", async () => {
  const found = await checkDatabases(createDoctorContext(), createEffects());
  assert.deepEqual(allWell(found), [
    "in workerd they are D1, which deno task dev:workers migrates",
  ]);
});
