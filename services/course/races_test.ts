import assert from "node:assert/strict";
import {
  ann,
  bowline,
  setupCourse,
  setupPublishedCourse,
} from "../../tests/support/course_service.ts";
import { Lesson } from "./schema.ts";

Deno.test("of parallel lesson changes those with a 200 are stored, the others are not", async () => {
  using platform = await setupPublishedCourse();
  const { call, id, lesson, read } = platform;
  const path = `/courses/${id}/lessons/${lesson.id}`;
  const results = await Promise.all(Array.from({ length: 20 }, async (_, at) => {
    const body = at % 2 === 0 ? { title: `Title ${at}` } : { content: `Content ${at}` };
    const response = await call("PATCH", path, { as: ann, body });
    if (response.status === 200) return Lesson.parse(await response.json());
    assert.equal(`${response.status} ${(await response.json()).code}`, "409 conflict");
    return undefined;
  }));
  const won = results.filter((result) => result !== undefined);
  assert.ok(won.length > 0);
  const now = (await read(id)).lessons[0];
  assert.ok(won.some((result) => result.title === now?.title && result.content === now.content));
  const rows = await platform.database.run({ sql: "SELECT version FROM courses", params: [] });
  assert.deepEqual(rows, [[3 + won.length]]);
});

Deno.test("parallel additions leave no gap and lose no lesson whose response was 201", async () => {
  using platform = await setupCourse();
  const { call, create, read } = platform;
  const { id } = await create();
  const added = (await Promise.all(Array.from({ length: 20 }, async () => {
    const response = await call("POST", `/courses/${id}/lessons`, { as: ann, body: bowline });
    const body = await response.json();
    return response.status === 201 ? Lesson.parse(body) : undefined;
  }))).filter((lesson) => lesson !== undefined);
  assert.ok(added.length > 0);
  assert.deepEqual((await read(id)).lessons, added.toSorted((a, b) => a.position - b.position));
});

Deno.test("a course that is removed while it is changed is either complete or absent", async () => {
  using platform = await setupPublishedCourse();
  const { call, id, lesson, database } = platform;
  const [removed, changed] = await Promise.all([
    call("DELETE", `/courses/${id}`, { as: ann }),
    call("PATCH", `/courses/${id}/lessons/${lesson.id}`, { as: ann, body: { title: "New" } }),
  ]);
  await Promise.all([removed.body?.cancel(), changed.body?.cancel()]);
  const [courses, lessons] = await database.batch([
    { sql: "SELECT id FROM courses", params: [] },
    { sql: "SELECT course_id FROM lessons", params: [] },
  ]);
  assert.deepEqual(lessons, courses);
  assert.equal(courses?.length, removed.status === 204 ? 0 : 1);
});

Deno.test("two concurrent publications end with a published course", async () => {
  using platform = await setupCourse();
  const { call, create, addLesson, read } = platform;
  const { id } = await create();
  await addLesson(id);
  const results = await Promise.all(
    [1, 2].map(() => call("POST", `/courses/${id}/publish`, { as: ann })),
  );
  for (const result of results) assert.ok([200, 409].includes(result.status));
  await Promise.all(results.map((result) => result.body?.cancel()));
  assert.equal((await read(id)).state, "published");
});
