import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { learner } from "../../tests/support/course_service.ts";
import { setupEnrollment } from "../../tests/support/enrollment_service.ts";
import { person } from "../../tests/support/services.ts";

const other = person(uuidv7(), "learner");

Deno.test("a lesson that one learner reopens stays completed for the others", async () => {
  using platform = await setupEnrollment();
  const course = await platform.publish("a", "b");
  const [lesson] = course.lessons;
  const one = await platform.enroll(course.id);
  const two = await platform.enroll(course.id, other);
  await platform.mark(one.id, lesson?.id, true);
  await platform.mark(two.id, lesson?.id, true, other);
  await platform.mark(one.id, lesson?.id, false);
  assert.deepEqual((await platform.read(one.id)).progress, 0);
  assert.deepEqual((await platform.read(two.id, other)).progress, 50);
});

Deno.test("of parallel requests to leave one enrollment one succeeds, and one event is published", async () => {
  using platform = await setupEnrollment();
  const course = await platform.publish("a");
  const { id } = await platform.enroll(course.id);
  const leave = async () => {
    const response = await platform.call("DELETE", `/enrollments/${id}`, { as: learner });
    await response.body?.cancel();
    return response.status;
  };
  const statuses = await Promise.all([leave(), leave(), leave(), leave()]);
  assert.deepEqual(statuses.sort(), [204, 404, 404, 404]);
  const types = (await platform.publishedEvents()).map((event) => event.type);
  assert.equal(types.filter((type) => type === "enrollment.deleted").length, 1);
});

Deno.test("a course that is removed without a title changes no other course", async () => {
  using platform = await setupEnrollment();
  const [gone, stays] = [await platform.publish("a"), await platform.publish("a")];
  const [one, two] = [await platform.enroll(gone.id), await platform.enroll(stays.id)];
  const named = { type: "course.changed", subject: stays.id, data: { title: "Knots" } } as const;
  assert.equal(await platform.deliver({ ...named, sequence: 2 }), "applied");
  const removed = { type: "course.deleted", subject: gone.id, data: {}, sequence: 2 } as const;
  assert.equal(await platform.deliver(removed), "applied");
  assert.equal((await platform.read(one.id)).courseState, "removed");
  assert.equal((await platform.read(two.id)).courseState, "published");
});
