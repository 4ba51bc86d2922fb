import assert from "node:assert/strict";
import {
  ann,
  annId,
  bob,
  bobId,
  sailing,
  setupProjection,
} from "../../tests/support/course_service.ts";
import { expectProblem } from "../../tests/support/services.ts";

Deno.test("a deleted person's drafts are deleted, and published courses stay without the name", async () => {
  using platform = await setupProjection();
  const { create, deliver, rename, instructor, call, database } = platform;
  await rename("Ann Other", 1);
  const draft = await create();
  await platform.addLesson(draft.id);
  const other = await create(sailing, bob);
  assert.equal(await deliver({ type: "user.deleted", subject: annId, sequence: 9 }), "applied");
  assert.equal(await instructor(), "Former instructor, inactive");
  await expectProblem(call("GET", `/courses/${draft.id}`, { as: ann }), 404, "not_found");
  assert.equal((await platform.read(other.id, bob)).instructor.name, "Demo Instructor");
  const names = await database.run({
    sql: `SELECT instructor_name FROM courses WHERE instructor_id = ?
      UNION ALL SELECT name FROM instructors WHERE id = ?`,
    params: [annId, annId],
  });
  assert.deepEqual(names, [["Former instructor"], [null]]);
  const lessons = await database.run({
    sql: "SELECT course_id FROM lessons WHERE course_id = ?",
    params: [draft.id],
  });
  assert.deepEqual(lessons, []);
});

Deno.test("a person's stored responses are deleted with the person, and those of others after a day", async () => {
  using platform = await setupProjection();
  const { deliver, call, clock, database, maintain } = platform;
  for (const as of [ann, bob]) {
    const headers = { "idempotency-key": "k1" };
    const created = await call("POST", "/courses", { as, body: sailing, headers });
    assert.equal(created.status, 201);
    await created.body?.cancel();
  }
  const callers = async () => {
    const sql = "SELECT caller FROM idempotency_keys ORDER BY caller";
    return (await database.run({ sql, params: [] })).flat();
  };
  assert.equal((await callers()).length, 2);
  await deliver({ type: "user.deleted", subject: annId });
  assert.deepEqual(await callers(), [bob.sub]);
  clock.advance(86_399_999);
  await maintain();
  assert.deepEqual(await callers(), [bob.sub]);
  clock.advance(1);
  await maintain();
  assert.deepEqual(await callers(), []);
});

Deno.test("a deletion wins over all later events about the person, from any service", async () => {
  using platform = await setupProjection();
  const { deliver, rename, instructor } = platform;
  await deliver({ type: "user.deleted", subject: annId, sequence: 2 });
  assert.equal(await rename("Ann Again", 99), "stale");
  const data = { roles: ["instructor"] };
  const roles = { type: "user.roles-changed", subject: annId, data, sequence: 99 } as const;
  assert.equal(await deliver(roles), "stale");
  assert.equal(await deliver({ type: "user.enabled", subject: annId, sequence: 99 }), "stale");
  assert.equal(await instructor(), "Former instructor, inactive");
});

Deno.test("a deleted person whose Passport is still valid creates no course and changes none of theirs", async () => {
  using platform = await setupProjection();
  const { create, deliver, call, database, publishedEvents } = platform;
  const draft = await create();
  await platform.addLesson(draft.id);
  await deliver({ type: "user.deleted", subject: annId });
  const rows = () => database.run({ sql: "SELECT id, version FROM courses", params: [] });
  const before = await rows();
  await expectProblem(call("POST", "/courses", { as: ann, body: sailing }), 403, "forbidden");
  const publish = call("POST", `/courses/${draft.id}/publish`, { as: ann });
  await expectProblem(publish, 404, "not_found");
  assert.deepEqual(await rows(), before);
  assert.equal((await publishedEvents()).length, 1);
});

Deno.test("events about other instructors stay when a person is deleted", async () => {
  using platform = await setupProjection();
  const { create, deliver, database } = platform;
  await create(sailing, bob);
  assert.equal(await deliver({ type: "user.disabled", subject: bobId, sequence: 2 }), "applied");
  const rows = () =>
    database.run({ sql: "SELECT * FROM instructors WHERE id = ?", params: [bobId] });
  const before = await rows();
  assert.equal(before.length, 1);
  assert.equal(await deliver({ type: "user.deleted", subject: annId, sequence: 9 }), "applied");
  assert.deepEqual(await rows(), before);
});

Deno.test("of a deleted person who taught nothing no row is created", async () => {
  using platform = await setupProjection();
  const { deliver, call, database } = platform;
  await deliver({ type: "user.deleted", subject: bobId });
  await expectProblem(call("POST", "/courses", { as: bob, body: sailing }), 403, "forbidden");
  const sql = "SELECT id FROM instructors WHERE id = ?";
  assert.deepEqual(await database.run({ sql, params: [bobId] }), []);
});
