import assert from "node:assert/strict";
import { ann, bowline, learner } from "../../tests/support/course_service.ts";
import { setupEnrollment } from "../../tests/support/enrollment_service.ts";
import { expectNoContent } from "../../tests/support/services.ts";

async function setup(...titles: string[]) {
  const platform = await setupEnrollment();
  const course = await platform.publish(...titles);
  const { id } = await platform.enroll(course.id);
  return {
    ...platform,
    published: course,
    id,
    lessons: course.lessons.map((lesson) => lesson.id),
    types: async () => (await platform.publishedEvents()).map(({ type }) => type),
  };
}

Deno.test("an enrollment publishes its begin and its completion, each once", async () => {
  using platform = await setup("a", "b");
  const { publishedEvents, mark, id, published, lessons: [a, b] } = platform;
  const data = { courseId: published.id };
  const created = { type: "enrollment.created", subject: id, sequence: 1, data };
  assert.deepEqual(await publishedEvents(), [created]);
  await mark(id, a, true);
  assert.deepEqual(await publishedEvents(), [created]);
  await mark(id, b, true);
  const completed = { type: "enrollment.completed", subject: id, sequence: 2, data };
  assert.deepEqual(await publishedEvents(), [created, completed]);
  await mark(id, b, true);
  assert.deepEqual(await publishedEvents(), [created, completed]);
});

Deno.test("a course that is completed again is not published again, even after a lesson was reopened", async () => {
  using platform = await setup("a");
  const { mark, id, published, course, lessons: [a], types } = platform;
  await mark(id, a, true);
  await mark(id, a, false);
  await mark(id, a, true);
  const { id: later } = await course.addLesson(published.id, { ...bowline, title: "b" });
  await mark(id, later, false);
  await mark(id, later, true);
  assert.deepEqual(await types(), ["enrollment.created", "enrollment.completed"]);
});

Deno.test("leaving is published once, and enrolling again is a new enrollment", async () => {
  using platform = await setup("a");
  const { call, enroll, id, published, publishedEvents } = platform;
  await expectNoContent(call("DELETE", `/enrollments/${id}`, { as: learner }));
  const again = await enroll(published.id);
  const events = (await publishedEvents()).map((
    { type, subject, sequence },
  ) => [type, subject, sequence]);
  assert.deepEqual(events, [
    ["enrollment.created", id, 1],
    ["enrollment.deleted", id, 2],
    ["enrollment.created", again.id, 1],
  ]);
});

Deno.test("fifty parallel enrollments publish one event", async () => {
  using platform = await setup("a");
  const course = await platform.publish("b");
  const options = { as: learner, body: { courseId: course.id } };
  await Promise.all(Array.from({ length: 50 }, async () => {
    await (await platform.call("POST", "/enrollments", options)).body?.cancel();
  }));
  const events = (await platform.publishedEvents()).filter(({ data }) =>
    data.courseId === course.id
  );
  assert.equal(events.length, 1);
});

Deno.test("lessons that are marked in parallel complete the course once", async () => {
  using platform = await setup("a", "b", "c");
  const { mark, id, lessons, types } = platform;
  await Promise.all(lessons.map((lesson) => mark(id, lesson, true)));
  assert.deepEqual(await types(), ["enrollment.created", "enrollment.completed"]);
});

Deno.test("a refused request publishes no event", async () => {
  using platform = await setup("a");
  const { call, id, published, types } = platform;
  const refused = [
    ["POST", "/enrollments", { courseId: published.id }],
    ["POST", "/enrollments", { courseId: id }],
    ["PUT", `/enrollments/${id}/lessons/${id}`, { completed: true }],
  ] as const;
  for (const [method, path, body] of refused) {
    const response = await call(method, path, { as: learner, body });
    await response.body?.cancel();
    assert.ok([404, 409].includes(response.status));
  }
  const mark = `/enrollments/${id}/lessons/${platform.lessons[0]}`;
  await (await call("PUT", mark, { as: ann, body: { completed: true } })).body?.cancel();
  assert.deepEqual(await types(), ["enrollment.created"]);
});
