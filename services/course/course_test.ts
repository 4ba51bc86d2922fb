import assert from "node:assert/strict";
import {
  ann,
  bob,
  bowline,
  sailing,
  setupCourse,
  setupPublishedCourse,
} from "../../tests/support/course_service.ts";
import { expectJson, expectNoContent, expectProblem } from "../../tests/support/services.ts";
import { Course, CourseList, Lesson } from "./schema.ts";

Deno.test("a new course is its instructor's draft, with the name from user", async () => {
  using platform = await setupCourse();
  const course = await platform.create();
  assert.deepEqual(course, {
    id: course.id,
    title: "Sailing",
    summary: "Knots and wind",
    tags: ["sea", "sport"],
    state: "draft",
    instructor: { id: ann.sub?.slice("user:".length), name: "Demo Instructor" },
    instructorActive: true,
    learners: 0,
    completions: 0,
    lessons: [],
    createdAt: "2026-03-01T09:30:00.000Z",
    updatedAt: "2026-03-01T09:30:00.000Z",
    publishedAt: null,
  });
  assert.equal(course.id[14], "7");
  assert.deepEqual(await platform.read(course.id), course);
});

Deno.test("a course is edited, published, read by any caller and removed", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, publish, clock } = platform;
  const { id } = await create();
  const first = await addLesson(id);
  const second = await addLesson(id, { title: "Wind", content: "It comes from somewhere" });
  assert.deepEqual([first.position, second.position], [1, 2]);
  clock.advance(1_000);
  const published = await publish(id);
  assert.equal(published.publishedAt, "2026-03-01T09:30:01.000Z");
  assert.deepEqual(published.lessons, [first, second]);
  assert.deepEqual(await expectJson(call("GET", `/courses/${id}`), 200, Course), published);
  await expectNoContent(call("DELETE", `/courses/${id}`, { as: ann }));
  await expectProblem(call("GET", `/courses/${id}`, { as: ann }), 404, "not_found");
  assert.deepEqual(await platform.database.run({ sql: "SELECT * FROM lessons", params: [] }), []);
});

Deno.test("publishing twice changes nothing the second time", async () => {
  using platform = await setupPublishedCourse();
  platform.clock.advance(60_000);
  assert.deepEqual(await platform.publish(platform.id), platform.course);
});

Deno.test("a change applies the fields it names, and an empty one changes nothing", async () => {
  using platform = await setupCourse();
  const { call, create, clock } = platform;
  const course = await create();
  clock.advance(5);
  const change = (body: object) =>
    expectJson(call("PATCH", `/courses/${course.id}`, { as: ann, body }), 200, Course);
  assert.deepEqual(await change({}), course);
  assert.deepEqual(await change({ title: "  Sailing II ", tags: ["b", "B", "a"] }), {
    ...course,
    title: "Sailing II",
    tags: ["b", "a"],
    updatedAt: "2026-03-01T09:30:00.005Z",
  });
});

Deno.test("lessons are changed, moved and removed, and keep their order", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, read } = platform;
  const { id } = await create();
  const ids: string[] = [];
  for (const title of ["a", "b", "c"]) ids.push((await addLesson(id, { ...bowline, title })).id);
  const titles = async () => (await read(id)).lessons.map((lesson) => lesson.title).join("");
  const patch = (at: number, body: object) =>
    expectJson(call("PATCH", `/courses/${id}/lessons/${ids[at]}`, { as: ann, body }), 200, Lesson);
  assert.equal((await patch(2, { position: 1, title: "C" })).position, 1);
  assert.equal(await titles(), "Cab");
  assert.equal((await patch(0, { position: 100 })).position, 3);
  assert.equal(await titles(), "Cba");
  assert.equal((await patch(1, { content: "Other" })).content, "Other");
  await expectNoContent(call("DELETE", `/courses/${id}/lessons/${ids[2]}`, { as: ann }));
  assert.deepEqual((await read(id)).lessons.map(({ title, position }) => [title, position]), [
    ["b", 1],
    ["a", 2],
  ]);
});

Deno.test("a published course keeps its last lesson", async () => {
  using platform = await setupPublishedCourse();
  const { call, id, lesson, read } = platform;
  const path = `/courses/${id}/lessons/${lesson.id}`;
  await expectProblem(call("DELETE", path, { as: ann }), 409, "conflict");
  assert.equal((await read(id)).lessons.length, 1);
});

Deno.test("a course has at most a hundred lessons", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, read } = platform;
  const { id } = await create();
  for (let count = 0; count < 100; count++) await addLesson(id);
  const path = `/courses/${id}/lessons`;
  await expectProblem(call("POST", path, { as: ann, body: bowline }), 409, "conflict");
  assert.equal((await read(id)).lessons.at(-1)?.position, 100);
});

Deno.test("a course without lessons is not published", async () => {
  using platform = await setupCourse();
  const { id } = await platform.create();
  await expectProblem(
    platform.call("POST", `/courses/${id}/publish`, { as: ann }),
    409,
    "conflict",
  );
  assert.equal((await platform.read(id)).state, "draft");
});

Deno.test("the list shows published courses to every caller and drafts to their owner", async () => {
  using platform = await setupPublishedCourse();
  const { call, create, course } = platform;
  const draft = await create({ ...sailing, title: "Draft" });
  await create({ ...sailing, title: "Of another person" }, bob);
  const list = async (query: string, as = ann) =>
    (await expectJson(call("GET", `/courses${query}`, { as }), 200, CourseList)).items;
  const { lessons, ...summary } = course;
  assert.deepEqual(await list(""), [{ ...summary, lessonCount: lessons.length }]);
  assert.deepEqual(await list("", { sub: "anon" }), await list(""));
  const mine = new Set((await list("?mine=true")).map(({ id }) => id));
  assert.deepEqual(mine, new Set([draft.id, course.id]));
});

const searches = {
  "?q=SAIL": 1,
  "?q=kNots": 1,
  "?q=%25": 0,
  "?q=_ailing": 0,
  "?q=h%C3%84fen": 1,
  "?q=ha%CC%88fen": 1,
  "?q=sailing%20knots": 0,
  "?tag=sea": 1,
  "?tag=SEA": 1,
  "?tag=se": 0,
  "?tag=sea&q=wind": 1,
  "?tag=sea&q=nothing": 0,
};
for (const [query, count] of Object.entries(searches)) {
  Deno.test(`GET /courses${query} finds ${count}`, async () => {
    using platform = await setupCourse();
    const { create, addLesson, publish, call } = platform;
    const { id } = await create({ ...sailing, summary: "Knots, wind and Häfen" });
    await addLesson(id);
    await publish(id);
    const { items } = await expectJson(call("GET", `/courses${query}`), 200, CourseList);
    assert.equal(items.length, count);
  });
}

Deno.test("course is ready while its database is", async () => {
  using platform = await setupCourse();
  assert.equal((await platform.call("GET", "/readyz", { as: null })).status, 200);
  platform.database.close();
  assert.equal((await platform.call("GET", "/readyz", { as: null })).status, 503);
  await expectProblem(platform.call("GET", "/courses"), 503, "store_unavailable");
});
