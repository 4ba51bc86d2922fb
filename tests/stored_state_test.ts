import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { bearer, demoInstructor, expectSuccess, logIn } from "./support/dev_people.ts";
import { type DevSystem, startDev, temporaryWorkspace } from "./support/dev_system.ts";
import { isObject, type Json } from "./support/json.ts";
import { projectRoot } from "./support/markdown.ts";
import { waitUntil } from "./support/wait.ts";

// `stored/0.1.0` is what `deno task dev` of version 0.1.0 had in its folder after its demo data, a
// sign-up, a login, an enrollment, a new name, a draft, a log-out and a change of configuration.
// Its databases are stored as the statements that make them again. Its keys are not stored: dev
// makes those that are missing.
const stored = `${projectRoot}tests/stored/0.1.0/`;
const services = ["auth", "course", "enrollment", "recommendation", "user"] as const;
const appliedWithinMs = 60_000;
const admin = { email: "admin@edgepass.local", password: "43be42-8d70b4-8ca81e-304def" };
const ada = { email: "ada@example.com", password: "seven boats on a lake" };

Deno.test("dev serves what version 0.1.0 stored, and goes on from there", async () => {
  await using workspace = await temporaryWorkspace();
  await restore(workspace.path);
  {
    await using system = await startDev({ workspace: workspace.path });
    const token = await logIn(system, ada);
    assert.equal((await get(system, "/users/me", token)).name, "Ada L.");
    const title = "Bread from four ingredients";
    assert.deepEqual(await enrolledTitles(system, token), [title]);

    const instructor = await logIn(system, demoInstructor);
    const own = itemsOf(await get(system, "/courses?mine=true", instructor));
    assert.ok(own.some((course) => course.title === "Knots of 0.1.0" && course.state === "draft"));
    const [bread] = own.filter((course) => course.title === title);
    assert.equal(bread?.learners, 1);
    const published = itemsOf(await get(system, "/courses"));
    assert.equal(published.length, 2, "the demo data is not created again");

    const configuration = await get(system, "/admin/configuration", await logIn(system, admin));
    const { version, document } = configuration;
    assert.deepEqual([version, document], [1, { gateway: { logLevel: "debug" } }]);

    // An event is applied only if its sequence goes on from the stored one.
    await change(system, `/courses/${bread?.id}`, { title: "Bread again" }, instructor);
    await waitUntil(
      "the enrollment shows the new title",
      async () => (await enrolledTitles(system, token)).includes("Bread again"),
      appliedWithinMs,
    );
  }
  for (const service of services) assert.deepEqual(...await migrationsOf(workspace.path, service));
});

async function restore(workspace: string): Promise<void> {
  for (const folder of ["db", "keys", "observe", "qstash", "redis"]) {
    await Deno.mkdir(`${workspace}/${folder}`, { recursive: true });
  }
  const databases = [
    ...services.map((name) => [`db-${name}`, `db/${name}`] as const),
    ["observe-store", "observe/store"] as const,
    ["qstash-dev", "qstash/dev"] as const,
  ];
  for (const [from, to] of databases) {
    const db = new DatabaseSync(`${workspace}/${to}.sqlite`);
    db.exec(await Deno.readTextFile(`${stored}${from}.sql`));
    db.close();
  }
  await Deno.copyFile(`${stored}db-seeded`, `${workspace}/db/seeded`);
  await Deno.writeTextFile(`${workspace}/keys/admin-password`, admin.password);
  await Deno.copyFile(`${stored}redis-dev.aof`, `${workspace}/redis/dev.aof`);
}

async function get(system: DevSystem, path: string, token?: string): Promise<Json> {
  const headers = token === undefined ? {} : bearer(token);
  return await expectSuccess(await system.fetch(path, { headers }));
}

async function change(system: DevSystem, path: string, body: Json, token: string): Promise<void> {
  const headers = { ...bearer(token), "content-type": "application/json" };
  await expectSuccess(
    await system.fetch(path, { method: "PATCH", headers, body: JSON.stringify(body) }),
  );
}

function itemsOf({ items }: Json): Json[] {
  assert.ok(Array.isArray(items));
  return items.filter(isObject);
}

async function enrolledTitles(system: DevSystem, token: string): Promise<unknown[]> {
  return itemsOf(await get(system, "/enrollments", token))
    .map(({ course }) => isObject(course) ? course.title : undefined);
}

/** The migrations that a database has applied, and those that its service has. */
async function migrationsOf(
  workspace: string,
  service: string,
): Promise<[applied: unknown[], files: string[]]> {
  const db = new DatabaseSync(`${workspace}/db/${service}.sqlite`, { readOnly: true });
  const applied = db.prepare("SELECT name FROM d1_migrations ORDER BY id").all()
    .map(({ name }) => name);
  db.close();
  const folder = await Array.fromAsync(
    Deno.readDir(`${projectRoot}services/${service}/migrations`),
  );
  return [applied, folder.map(({ name }) => name).filter((name) => name.endsWith(".sql")).sort()];
}
