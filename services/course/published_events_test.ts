import assert from "node:assert/strict";
import {
  ann,
  bob,
  bowline,
  learner,
  setupCourse,
  setupPublishedCourse,
} from "../../tests/support/course_service.ts";
import { expectJson, expectNoContent } from "../../tests/support/services.ts";
import { Course } from "./schema.ts";

Deno.test("a course is published, renamed and deleted as one event each, in order", async () => {
  using platform = await setupPublishedCourse();
  const { call, id: subject, publishedEvents } = platform;
  const published = { type: "course.published", subject, sequence: 1, data: { title: "Sailing" } };
  assert.deepEqual(await publishedEvents(), [published]);
  const body = { title: "Sailing II" };
  await expectJson(call("PATCH", `/courses/${subject}`, { as: ann, body }), 200, Course);
  const changed = { type: "course.changed", subject, sequence: 2, data: { title: "Sailing II" } };
  assert.deepEqual(await publishedEvents(), [published, changed]);
  await expectNoContent(call("DELETE", `/courses/${subject}`, { as: ann }));
  const deleted = { type: "course.deleted", subject, sequence: 3, data: { title: "Sailing II" } };
  assert.deepEqual(await publishedEvents(), [published, changed, deleted]);
});

Deno.test("a draft publishes no event, nor does its removal", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, publishedEvents } = platform;
  const { id } = await create();
  await addLesson(id);
  const body = { title: "Other" };
  await expectJson(call("PATCH", `/courses/${id}`, { as: ann, body }), 200, Course);
  await expectNoContent(call("DELETE", `/courses/${id}`, { as: ann }));
  assert.deepEqual(await publishedEvents(), []);
});

const silent = {
  "publishing again": (id) => ["POST", `/courses/${id}/publish`],
  "an empty change": (id) => ["PATCH", `/courses/${id}`, {}],
  "the title it has": (id) => ["PATCH", `/courses/${id}`, { title: " Sailing " }],
  "another summary": (id) => ["PATCH", `/courses/${id}`, { summary: "Wind", tags: ["a"] }],
  "a change that is refused": (id) => ["PATCH", `/courses/${id}`, { title: "" }],
  "a lesson": (id) => ["POST", `/courses/${id}/lessons`, bowline],
} as const satisfies Record<
  string,
  (id: string) => readonly [method: string, path: string, body?: object]
>;
for (const [what, request] of Object.entries(silent)) {
  Deno.test(`a published course publishes no event for ${what}`, async () => {
    using platform = await setupPublishedCourse();
    const [method, path, body] = request(platform.id) as [string, string, object | undefined];
    const options = { as: ann, ...(body === undefined ? {} : { body }) };
    await (await platform.call(method, path, options)).body?.cancel();
    assert.equal((await platform.publishedEvents()).length, 1);
  });
}

Deno.test("a refused change of another person publishes no event", async () => {
  using platform = await setupPublishedCourse();
  for (const as of [bob, learner]) {
    for (const [method, body] of [["PATCH", { title: "Mine" }], ["DELETE", undefined]] as const) {
      const options = { as, ...(body ? { body } : {}) };
      const response = await platform.call(method, `/courses/${platform.id}`, options);
      await response.body?.cancel();
      assert.equal(response.status, 403);
    }
  }
  assert.equal((await platform.publishedEvents()).length, 1);
});

Deno.test("of parallel renamings each that responds with 200 is published, in order", async () => {
  using platform = await setupPublishedCourse();
  const { call, id, read, publishedEvents } = platform;
  const titles = await Promise.all(Array.from({ length: 20 }, async (_, at) => {
    const body = { title: `Title ${at}` };
    const response = await call("PATCH", `/courses/${id}`, { as: ann, body });
    await response.body?.cancel();
    return response.status === 200 ? body.title : undefined;
  }));
  const won = titles.filter((title) => title !== undefined);
  const renamings = (await publishedEvents()).slice(1);
  assert.deepEqual(renamings.map(({ data }) => data.title).toSorted(), won.toSorted());
  assert.deepEqual(renamings.map(({ sequence }) => sequence), won.map((_, at) => at + 2));
  assert.equal(renamings.at(-1)?.data.title, (await read(id)).title);
});

Deno.test("two concurrent publications and two removals publish one event each", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, publishedEvents } = platform;
  const { id } = await create();
  await addLesson(id);
  for (const [method, path] of [["POST", `/courses/${id}/publish`], ["DELETE", `/courses/${id}`]]) {
    const responses = await Promise.all(
      [1, 2].map(() => call(method ?? "", path ?? "", { as: ann })),
    );
    await Promise.all(responses.map((response) => response.body?.cancel()));
  }
  assert.deepEqual((await publishedEvents()).map(({ type }) => type), [
    "course.published",
    "course.deleted",
  ]);
});

Deno.test("a change that is not stored publishes no event", async () => {
  using platform = await setupPublishedCourse();
  const { store, id, publishedEvents } = platform;
  const course = await store.find(id);
  assert.ok(course);
  const stale = { ...course, version: course.version - 1 };
  const event = { type: "course.changed", data: { title: "Lost" } } as const;
  assert.equal(await store.save(stale, { ...course, title: "Lost" }, event), false);
  assert.equal(
    await store.remove(stale, { type: "course.deleted", data: { title: "Lost" } }),
    false,
  );
  assert.equal((await publishedEvents()).length, 1);
});
