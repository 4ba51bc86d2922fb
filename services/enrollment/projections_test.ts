import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { ann, learner } from "../../tests/support/course_service.ts";
import { permute, readBodies, toBody } from "../../tests/support/deliveries.ts";
import { setupEnrollment } from "../../tests/support/enrollment_service.ts";
import {
  expectJson,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import { Course } from "../course/schema.ts";
import { EnrollmentList } from "./schema.ts";

const learnerId = learner.sub?.slice("user:".length) ?? "";
const other = person(uuidv7(), "learner");

async function setup() {
  const platform = await setupEnrollment();
  const course = await platform.publish("a");
  const { id } = await platform.enroll(course.id);
  const { deliver, read, call } = platform;
  return {
    ...platform,
    published: course,
    id,
    rename: (title: string, sequence: number) =>
      deliver({ type: "course.changed", subject: course.id, data: { title }, sequence }),
    /** Title and state of the course, as its learner sees them in the enrollment and in the list. */
    async shown() {
      const one = await read(id);
      const { items } = await expectJson(
        call("GET", "/enrollments", { as: learner }),
        200,
        EnrollmentList,
      );
      const [listed] = items.filter((item) => item.id === id);
      assert.deepEqual(listed, one);
      return `${one.course.title}, ${one.courseState}`;
    },
  };
}

Deno.test("a renamed course has its new title in every enrollment, without a call to course", async () => {
  using platform = await setup();
  const { rename, shown, read, enroll, fault, published } = platform;
  const second = await enroll(published.id, other);
  fault.answer = () => {
    throw new TypeError("connection refused");
  };
  assert.equal(await rename("Sailing II", 2), "applied");
  assert.equal(await shown(), "Sailing II, published");
  assert.equal((await read(second.id, other)).course.title, "Sailing II");
});

Deno.test("a title is applied once, and an older one is ignored", async () => {
  using platform = await setup();
  const { deliverBody, rename, shown, published, clock } = platform;
  const event = { type: "course.changed", subject: published.id, sequence: 5 } as const;
  const body = toBody({ ...event, data: { title: "V" } }, clock.now());
  assert.equal(await deliverBody(body), "applied");
  assert.equal(await rename("IV", 4), "stale");
  assert.equal(await rename("VI", 6), "applied");
  assert.equal(await deliverBody(body), "duplicate");
  assert.equal(await shown(), "VI, published");
});

Deno.test("a title that changes during an enrollment is the one the learner sees", async () => {
  using platform = await setup();
  const { enroll, read, rename, published, fault, course } = platform;
  const old = await course.read(published.id);
  await rename("Sailing II", 2);
  fault.answer = () => Response.json(old);
  const late = await enroll(published.id, other);
  assert.equal((await read(late.id, other)).course.title, "Sailing II");
});

Deno.test("a removed course is shown as removed, with its title and the learner's progress", async () => {
  using platform = await setup();
  const { published, course, deliverBody, shown, read, mark, id, call } = platform;
  const [lesson] = published.lessons;
  const done = await mark(id, lesson?.id, true);
  await expectNoContent(course.call("DELETE", `/courses/${published.id}`, { as: ann }));
  for (const body of await readBodies(course.database)) await deliverBody(body);
  assert.equal(await shown(), "Sailing, removed");
  assert.deepEqual(await read(id), { ...done, courseState: "removed" });
  const options = { as: learner, body: { completed: false } };
  const path = `/enrollments/${id}/lessons/${lesson?.id}`;
  await expectProblem(call("PUT", path, options), 404, "not_found");
  await expectNoContent(call("DELETE", `/enrollments/${id}`, { as: learner }));
});

Deno.test("enrolling in a course that is removed during the request is refused", async () => {
  using platform = await setup();
  const { published, course, deliver, fault, call, rows, publishedEvents } = platform;
  const old = await course.read(published.id);
  await deliver({
    type: "course.deleted",
    subject: published.id,
    data: { title: "Sailing" },
    sequence: 2,
  });
  fault.answer = () => Response.json(old);
  const before = await rows();
  const options = { as: other, body: { courseId: published.id } };
  await expectProblem(call("POST", "/enrollments", options), 404, "not_found");
  assert.deepEqual(await rows(), before);
  assert.equal((await publishedEvents()).length, 1);
});

Deno.test("course's events in any order end in the same state", async () => {
  using platform = await setup();
  const { published, course } = platform;
  const options = { as: ann, body: { title: "Sailing II" } };
  await expectJson(course.call("PATCH", `/courses/${published.id}`, options), 200, Course);
  const renamed = await readBodies(course.database);
  await expectNoContent(course.call("DELETE", `/courses/${published.id}`, { as: ann }));
  const removed = await readBodies(course.database);
  assert.deepEqual([renamed.length, removed.length], [2, 3]);
  for (const [bodies, state] of [[renamed, "published"], [removed, "removed"]] as const) {
    for (const order of permute(bodies)) {
      using again = await setup();
      const moved = order.map((body) => body.replaceAll(published.id, again.published.id));
      for (const body of [...moved, ...moved]) await again.deliverBody(body);
      assert.equal(await again.shown(), `Sailing II, ${state}`);
    }
  }
});

Deno.test("a deleted person's enrollments and progress are erased, and no other person's", async () => {
  using platform = await setup();
  const { deliver, mark, enroll, id, published, database, call } = platform;
  const [lesson] = published.lessons;
  await mark(id, lesson?.id, true);
  const remaining = await enroll(published.id, other);
  await mark(remaining.id, lesson?.id, true, other);
  const gone = { type: "user.deleted", subject: learnerId, sequence: 3 } as const;
  assert.equal(await deliver(gone), "applied");
  await expectProblem(call("GET", `/enrollments/${id}`, { as: learner }), 404, "not_found");
  const [enrollments, completions] = await database.batch([
    { sql: "SELECT id FROM enrollments", params: [] },
    { sql: "SELECT enrollment_id FROM completions", params: [] },
  ]);
  assert.deepEqual([enrollments, completions], [[[remaining.id]], [[remaining.id]]]);
});

Deno.test("a deleted person whose Passport is still valid cannot enroll or make progress", async () => {
  using platform = await setup();
  const { deliver, publish, call, id, published, rows, publishedEvents } = platform;
  const course = await publish("b");
  await deliver({ type: "user.deleted", subject: learnerId });
  const enroll = call("POST", "/enrollments", { as: learner, body: { courseId: course.id } });
  await expectProblem(enroll, 404, "not_found");
  const path = `/enrollments/${id}/lessons/${published.lessons[0]?.id}`;
  const mark = call("PUT", path, { as: learner, body: { completed: true } });
  await expectProblem(mark, 404, "not_found");
  assert.deepEqual(await rows(), []);
  assert.deepEqual((await publishedEvents()).map(({ type }) => type), [
    "enrollment.created",
    "enrollment.deleted",
  ]);
});

Deno.test("a deleted person's enrollments are published as deleted, all of them in one batch", async () => {
  using platform = await setup();
  const { deliver, publishedEvents, enroll, published, database, id } = platform;
  const remaining = await enroll(published.id, other);
  await database.run({
    sql: `INSERT INTO enrollments (id, learner_id, course_id, course_title, lesson_ids, version,
      created_at) WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM n WHERE at < 1500)
      SELECT 'e' || at, ?, 'c' || at, 'Knots', '[]', 1, 0 FROM n`,
    params: [learnerId],
  });
  assert.equal(await deliver({ type: "user.deleted", subject: learnerId }), "applied");
  const deleted = (await publishedEvents()).filter(({ type }) => type === "enrollment.deleted");
  assert.equal(deleted.length, 1501);
  assert.ok(deleted.every(({ subject }) => subject !== remaining.id));
  assert.deepEqual(deleted.find(({ subject }) => subject === id)?.sequence, 2);
  assert.deepEqual(deleted.find(({ subject }) => subject === "e9"), {
    type: "enrollment.deleted",
    subject: "e9",
    sequence: 1,
    data: {},
  });
});

Deno.test("an enrollment that is created during the deletion of its person is published as deleted", async () => {
  using platform = await setupEnrollment();
  const { deliver, publishedEvents, database } = platform;
  const { run } = database;
  const course = await platform.publish("a");
  const late = () => platform.enroll(course.id);
  const during: { work?: (() => Promise<unknown>) | undefined } = { work: late };
  database.run = async (statement) => {
    const rows = await run(statement);
    if (/^select "id" from "enrollments" where "enrollments"."learner_id"/i.test(statement.sql)) {
      const { work } = during;
      during.work = undefined;
      await work?.();
    }
    return rows;
  };
  assert.equal(await deliver({ type: "user.deleted", subject: learnerId }), "applied");
  assert.equal(during.work, undefined);
  assert.deepEqual((await publishedEvents()).map(({ type }) => type), [
    "enrollment.created",
    "enrollment.deleted",
  ]);
  assert.deepEqual(await platform.rows(), []);
});

Deno.test("a deletion that is delivered twice, or late, has one effect", async () => {
  using platform = await setup();
  const { deliverBody, deliver, rows, clock } = platform;
  const body = toBody({ type: "user.deleted", subject: learnerId, sequence: 2 }, clock.now());
  assert.deepEqual([await deliverBody(body), await deliverBody(body)], ["applied", "duplicate"]);
  const again = { type: "user.deleted", subject: learnerId, sequence: 3 } as const;
  assert.equal(await deliver(again), "stale");
  assert.deepEqual(await rows(), []);
});

Deno.test("enrollment refuses an event that it does not project", async () => {
  using platform = await setup();
  const event = {
    type: "user.profile-changed",
    subject: learnerId,
    data: { name: "Cleo" },
  } as const;
  assert.equal(await platform.deliver(event), "489 event_unusable");
});

Deno.test("learners of one service are counted in the other", async () => {
  using platform = await setup();
  const { course, published, mark, enroll, id, database } = platform;
  await enroll(published.id, other);
  await mark(id, published.lessons[0]?.id, true);
  const bodies = await readBodies(database);
  for (const body of [...bodies.toReversed(), ...bodies]) await course.deliverBody(body);
  const { learners, completions } = await course.read(published.id);
  assert.deepEqual([learners, completions], [2, 1]);
  await platform.deliver({ type: "user.deleted", subject: learnerId });
  for (const body of await readBodies(database)) await course.deliverBody(body);
  const { learners: left, completions: done } = await course.read(published.id);
  assert.deepEqual([left, done], [1, 0]);
});

Deno.test("a person of another issuer is no orphan of auth: a repair keeps their enrollments", async () => {
  using platform = await setup();
  await platform.enroll(platform.published.id, person("corp:7", "learner"));
  const known = { after: "", until: null, states: [] };
  const found = await platform.events?.reconciliation.compare(
    { source: "auth", facet: "registration" },
    known,
  );
  assert.deepEqual(found?.ghosts, [learnerId]);
});
