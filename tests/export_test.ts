import assert from "node:assert/strict";
import { exportServices } from "@edgepass/contracts";
import type { SqlDb } from "@edgepass/shared/sql";
import {
  createEnvironment,
  dataOf,
  type Environment,
  outcomeOf,
} from "./suite/product_environment.ts";
import { startQstash, type TestQstash } from "./support/qstash.ts";
import { isQuiet } from "./support/published.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

const deliveredWithinMs = 20_000;
const parts = [...Object.keys(exportServices), "generatedAt"].toSorted();

for (const [placement, start] of Object.entries(targets)) {
  Deno.test(`a user's export has all stored data about that user, and no other user's: ${placement}`, async () => {
    await using target = await start();
    const environment = await createEnvironment(target);
    const path = "/users/me/export";
    const name = "Sentinel of the profile";
    const patch = { method: "PATCH", path: "/users/me", body: { name } };
    await dataOf(environment.send({ ...patch, bearer: environment.learner.token }));
    const response = await environment.send({ path, bearer: environment.learner.token });
    assert.equal(
      response.headers.get("content-disposition"),
      'attachment; filename="export.json"',
    );
    const own = await dataOf(Promise.resolve(response));
    assert.deepEqual(Object.keys(own).toSorted(), parts);
    assertContains(own.auth, [
      environment.learner.id,
      environment.learner.email,
      "user.registered",
    ]);
    assertContains(own.user, [name, "user.profile-changed"]);
    assertContains(own.enrollment, [
      environment.ids.enrollment,
      environment.ids.course,
      "enrollment.created",
    ]);
    const taught = await dataOf(environment.send({ path, bearer: environment.teacher.token }));
    assertContains(taught.course, [environment.ids.course, environment.ids.draft, "The bowline"]);
    const text = JSON.stringify([own, taught]);
    assert.doesNotMatch(text, /argon2|passwordHash|"hash"|eyJ/);
    for (const secret of secretsOf(environment)) assert.ok(!text.includes(secret));
    assert.ok(!JSON.stringify(own).includes(environment.teacher.email));
    assert.ok(!JSON.stringify(taught).includes(environment.learner.id));
    assert.equal(await outcomeOf(environment.send({ path })), "401 authentication_required");
    for (const fetch of Object.values(target.services)) {
      const response = await fetch("/internal/export");
      await response.body?.cancel();
      assert.equal(response.status, 401);
    }
    assert.equal(
      (await outcomeOf(environment.send({ path: "/internal/export" }))).slice(0, 3),
      "404",
    );
  });
}

/**
 * Data that remains after an account was deleted, with the reason; it shows only that an id was
 * used.
 */
const remains: Readonly<Record<string, string>> = {
  "AUTH_DB.accounts.id": "the tombstone that keeps the id from being used again",
  "AUTH_DB.logins.account_id": "ended logins, for a day, so that none of them is refreshed",
  "AUTH_DB.revocations.id": "what kills tokens that still live",
  "AUTH_DB.audit.actor_id": "the audit log, which must outlive the account",
  "AUTH_DB.audit.target_id": "to whom it was done",
  "AUTH_DB.event_sequences.subject": "the number of the last event, so that none is given twice",
  "AUTH_DB.outbox.subject": "the deletion event, for a week",
  "AUTH_DB.outbox.event": "the same",
  "USER_DB.profiles.id": "the tombstone by which the profile is not learned again",
  "USER_DB.event_sequences.subject": "as in auth",
  "COURSE_DB.courses.instructor_id": "published courses stay for those who learn, under no name",
  "COURSE_DB.instructors.id": "that the courses have no instructor",
};

/** The same in the platform's tables of every service that consumes events. */
const remainsInEach: Readonly<Record<string, string>> = {
  "event_versions.subject": "the version of the last applied event",
  "ended_subjects.subject": "that nothing more is believed of the person",
};

const isExpected = (place: string) =>
  place in remains || place.slice(place.indexOf(".") + 1) in remainsInEach;

Deno.test("a deleted user's data is removed from every database, except listed columns", async () => {
  await using qstash = startQstash();
  await using target = await targets["Deno, all in one"](qstash.settings);
  qstash.deliverTo(target.fetch);
  const environment = await createEnvironment(target);
  const name = "Sentinel of the profile";
  for (const person of [environment.teacher, environment.learner]) {
    const { token: bearer } = person;
    await dataOf(environment.send({ method: "PATCH", path: "/users/me", bearer, body: { name } }));
  }
  const { token: bearer } = environment.teacher;
  const headers = { "idempotency-key": crypto.randomUUID() };
  const body = { title: "Knots", summary: "One after the other", tags: [] };
  await dataOf(environment.send({ method: "POST", path: "/courses", bearer, body, headers }), 201);
  await waitUntilQuiet(target, qstash);
  const { databases = {} } = target;
  const people = [environment.teacher, environment.learner];
  const traces = people.flatMap(({ id, email }) => [id, email]);
  assert.ok(
    (await findTraces(databases, [...traces, name])).has("COURSE_DB.idempotency_keys.body"),
  );
  for (const { token } of people) {
    const closed = await environment.send({ method: "DELETE", path: "/users/me", bearer: token });
    assert.equal(closed.status, 204);
  }
  await waitUntilQuiet(target, qstash);
  const ids = await findTraces(databases, people.map(({ id }) => id));
  assert.deepEqual([...ids].filter((place) => !isExpected(place)), []);
  assert.deepEqual([...await findTraces(databases, people.map(({ email }) => email))], []);
  assert.deepEqual([...await findTraces(databases, [name])], []);
});

async function waitUntilQuiet(target: Target, qstash: TestQstash): Promise<void> {
  const isDelivered = async () => {
    await target.maintain();
    return await isQuiet(qstash.settings);
  };
  await waitUntil("all events are delivered", isDelivered, deliveredWithinMs);
}

/** Columns of all tables in which one of the strings occurs. */
async function findTraces(
  databases: Readonly<Record<string, SqlDb>>,
  texts: readonly string[],
): Promise<ReadonlySet<string>> {
  const places = new Set<string>();
  for (const [database, sql] of Object.entries(databases)) {
    const columns = await sql.run({
      sql: `SELECT m.name, p.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p
        WHERE m.type = 'table'`,
      params: [],
    });
    assert.ok(columns.length > 10);
    for (const [table, column] of columns) {
      const [[count] = []] = await sql.run({
        sql:
          `SELECT count(*) FROM "${table}" AS kept WHERE EXISTS (SELECT 1 FROM json_each(?) AS one
          WHERE instr(CAST(kept."${column}" AS TEXT), one.value) > 0)`,
        params: [JSON.stringify(texts)],
      });
      if (count !== 0) places.add(`${database}.${table}.${column}`);
    }
  }
  return places;
}

function assertContains(part: unknown, sentinels: readonly string[]): void {
  const text = JSON.stringify(part);
  for (const sentinel of sentinels) assert.ok(text.includes(sentinel), `${sentinel} in ${text}`);
}

function secretsOf({ learner, teacher }: Environment): readonly string[] {
  return [learner, teacher].flatMap((one) => [one.password, one.token, one.refreshToken]);
}
