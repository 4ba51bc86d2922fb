import assert from "node:assert/strict";
import {
  ann,
  bob,
  bowline,
  learner,
  setupCourse,
  setupPublishedCourse,
} from "../../tests/support/course_service.ts";
import { expectProblem } from "../../tests/support/services.ts";

const strangers = {
  "an anonymous caller": [{ sub: "anon" }, 401, "authentication_required"],
  "a service": [{ sub: "svc:enrollment" }, 403, "forbidden"],
  "a learner": [learner, 403, "forbidden"],
  "another instructor": [bob, 403, "forbidden"],
  "the owner without the role": [{ ...ann, roles: ["learner"] }, 403, "forbidden"],
} as const;
for (const [who, [as, status, code]] of Object.entries(strangers)) {
  Deno.test(`a published course accepts no change by ${who}`, async () => {
    using platform = await setupPublishedCourse();
    const { call, id, lesson, course, read } = platform;
    for (const [method, path, body] of changesOf(id, lesson.id)) {
      await expectProblem(call(method, path, { as, body }), status, code);
    }
    assert.deepEqual(await read(id), course);
  });
}

function changesOf(id: string, lessonId: string): [string, string, object?][] {
  return [
    ["PATCH", `/courses/${id}`, { title: "Mine" }],
    ["POST", `/courses/${id}/publish`],
    ["POST", `/courses/${id}/lessons`, bowline],
    ["PATCH", `/courses/${id}/lessons/${lessonId}`, { title: "Mine" }],
    ["DELETE", `/courses/${id}/lessons/${lessonId}`],
    ["DELETE", `/courses/${id}`],
  ];
}

Deno.test("a draft is visible to its owner only", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, read } = platform;
  const { id } = await create();
  const lesson = await addLesson(id);
  const before = await read(id);
  for (const as of [{ sub: "anon" }, learner, bob]) {
    await expectProblem(call("GET", `/courses/${id}`, { as }), 404, "not_found");
  }
  for (const [method, path, body] of changesOf(id, lesson.id)) {
    await expectProblem(call(method, path, { as: bob, body }), 404, "not_found");
  }
  assert.deepEqual(await read(id), before);
});
