import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { ann, bowline, learner } from "../../tests/support/course_service.ts";
import { setupEnrollment } from "../../tests/support/enrollment_service.ts";
import {
  expectJson,
  expectNoContent,
  expectProblem,
  person,
} from "../../tests/support/services.ts";
import { progressOf } from "./enrollment.ts";
import { Enrollment, EnrollmentList } from "./schema.ts";

const other = person(uuidv7(), "learner");

Deno.test("a learner enrolls, and enrollment calls course in the learner's name", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, read } = platform;
  const course = await publish("a");
  const enrollment = await enroll(course.id);
  assert.deepEqual(enrollment, {
    id: enrollment.id,
    course: { id: course.id, title: course.title },
    courseState: "published",
    progress: 0,
    completedLessons: [],
    createdAt: "2026-03-01T09:30:00.000Z",
    completedAt: null,
  });
  assert.deepEqual(await read(enrollment.id), enrollment);
});

Deno.test("progress follows the lessons, up to 100 and back", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, mark, read, clock } = platform;
  const course = await publish("a", "b", "c");
  const [a, b, c] = course.lessons.map((lesson) => lesson.id);
  const { id } = await enroll(course.id);
  assert.equal((await mark(id, c, true)).progress, 33.3);
  assert.equal((await mark(id, c, true)).progress, 33.3);
  const second = await mark(id, a, true);
  assert.deepEqual([second.progress, second.completedLessons], [66.7, [a, c]]);
  clock.advance(1_000);
  const done = await mark(id, b, true);
  assert.deepEqual([done.progress, done.completedAt], [100, "2026-03-01T09:30:01.000Z"]);
  clock.advance(1_000);
  assert.deepEqual(await mark(id, b, true), done);
  const back = await mark(id, a, false);
  assert.deepEqual([back.progress, back.completedAt], [66.7, null]);
  assert.deepEqual(await read(id), back);
});

Deno.test("progress counts the lessons that the course has today", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, mark, course: { call, addLesson } } = platform;
  const course = await publish("a", "b");
  const [a, b] = course.lessons.map((lesson) => lesson.id);
  const { id } = await enroll(course.id);
  await mark(id, a, true);
  assert.equal((await mark(id, b, true)).progress, 100);
  const c = await addLesson(course.id, { ...bowline, title: "c" });
  await expectNoContent(call("DELETE", `/courses/${course.id}/lessons/${a}`, { as: ann }));
  const change = { as: ann, body: { title: "Renamed" } };
  await (await call("PATCH", `/courses/${course.id}`, change)).body?.cancel();
  const taken = await mark(id, c.id, false);
  assert.deepEqual([taken.progress, taken.completedLessons, taken.completedAt], [50, [b], null]);
  assert.equal(taken.course.title, "Renamed");
  await expectProblem(
    platform.call("PUT", `/enrollments/${id}/lessons/${a}`, {
      as: learner,
      body: { completed: true },
    }),
    404,
    "not_found",
  );
});

Deno.test("progress is 100 only for all lessons", () => {
  const lessonIds = Array.from({ length: 5_000 }, (_, at) => String(at));
  assert.equal(progressOf({ lessonIds, completed: lessonIds }), 100);
  assert.equal(progressOf({ lessonIds, completed: lessonIds.slice(1) }), 99.9);
  assert.equal(progressOf({ lessonIds: [], completed: lessonIds }), 0);
});

Deno.test("reading one's enrollments works without the course service", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, call, read, fault } = platform;
  const first = await enroll((await publish("a")).id);
  fault.answer = () => {
    throw new TypeError("connection refused");
  };
  assert.deepEqual(await read(first.id), first);
  const page = await expectJson(call("GET", "/enrollments", { as: learner }), 200, EnrollmentList);
  assert.deepEqual(page, { items: [first], nextCursor: null });
});

Deno.test("the list contains the learner's own enrollments, newest first, page by page", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, call, clock } = platform;
  const mine: string[] = [];
  for (let count = 0; count < 5; count++) {
    clock.advance(count % 2);
    const course = await publish("a");
    mine.push((await enroll(course.id)).id);
    await enroll(course.id, other);
  }
  const seen: Enrollment[] = [];
  let cursor = "";
  do {
    const path = `/enrollments?limit=2${cursor && `&cursor=${cursor}`}`;
    const page = await expectJson(call("GET", path, { as: learner }), 200, EnrollmentList);
    seen.push(...page.items);
    cursor = page.nextCursor ?? "";
  } while (cursor !== "");
  const keys = seen.map(({ createdAt, id }) => `${createdAt} ${id}`);
  assert.deepEqual(keys, keys.toSorted().toReversed());
  assert.deepEqual(seen.map(({ id }) => id).toSorted(), mine.toSorted());
});

Deno.test("a learner leaves a course once and may enroll again", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, mark, call, database } = platform;
  const course = await publish("a");
  const { id } = await enroll(course.id);
  await mark(id, course.lessons[0]?.id, true);
  await expectNoContent(call("DELETE", `/enrollments/${id}`, { as: learner }));
  await expectProblem(call("DELETE", `/enrollments/${id}`, { as: learner }), 404, "not_found");
  assert.deepEqual(await database.run({ sql: "SELECT * FROM completions", params: [] }), []);
  assert.equal((await enroll(course.id)).progress, 0);
});

Deno.test("fifty parallel enrollments create one", async () => {
  using platform = await setupEnrollment();
  const { publish, call, rows } = platform;
  const { id: courseId } = await publish("a");
  const outcomes = await Promise.all(Array.from({ length: 50 }, async () => {
    const response = await call("POST", "/enrollments", { as: learner, body: { courseId } });
    const { code } = await response.json();
    return `${response.status} ${code ?? ""}`;
  }));
  assert.deepEqual(outcomes.toSorted(), ["201 ", ...Array(49).fill("409 conflict")]);
  assert.equal((await rows()).length, 1);
});

Deno.test("parallel marks of lessons all count", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, mark, read } = platform;
  const course = await publish("a", "b", "c", "d");
  const { id } = await enroll(course.id);
  await Promise.all(course.lessons.map((lesson) => mark(id, lesson.id, true)));
  const enrollment = await read(id);
  assert.deepEqual(enrollment.completedLessons, course.lessons.map((lesson) => lesson.id));
  assert.deepEqual([enrollment.progress, enrollment.completedAt !== null], [100, true]);
});

Deno.test("of many parallel marks those with a 200 are stored", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, call, database } = platform;
  const course = await publish("a");
  const { id } = await enroll(course.id);
  const path = `/enrollments/${id}/lessons/${course.lessons[0]?.id}`;
  const statuses = await Promise.all(Array.from({ length: 30 }, async (_, at) => {
    const response = await call("PUT", path, { as: learner, body: { completed: at % 2 === 0 } });
    await response.body?.cancel();
    return response.status;
  }));
  const won = statuses.filter((status) => status === 200).length;
  assert.ok(won > 0 && statuses.every((status) => status === 200 || status === 409));
  const [[version, completedAt] = [], completions] = [
    ...await database.run({ sql: "SELECT version, completed_at FROM enrollments", params: [] }),
    await database.run({ sql: "SELECT lesson_id FROM completions", params: [] }),
  ] as const;
  assert.equal(version, 1 + won);
  assert.equal(completedAt === null, completions?.length === 0);
});
