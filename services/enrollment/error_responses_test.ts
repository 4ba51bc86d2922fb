import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { ann, learner } from "../../tests/support/course_service.ts";
import { setupEnrollment } from "../../tests/support/enrollment_service.ts";
import { expectProblem, person } from "../../tests/support/services.ts";

const both = { ...ann, roles: ["learner", "instructor"] };

Deno.test("enrolling in a draft, as its owner too, or in a missing course is refused", async () => {
  using platform = await setupEnrollment();
  const { course, call, rows } = platform;
  const draft = await course.create();
  await course.addLesson(draft.id);
  for (
    const [as, courseId] of [[learner, draft.id], [both, draft.id], [learner, uuidv7()]] as const
  ) {
    await expectProblem(
      call("POST", "/enrollments", { as, body: { courseId } }),
      404,
      "not_found",
    );
  }
  assert.deepEqual(await rows(), []);
});

const courseId = uuidv7();
const refused = {
  "an anonymous caller": [{ sub: "anon" }, { courseId }, 401, "authentication_required"],
  "a service": [{ sub: "svc:course" }, { courseId }, 403, "forbidden"],
  "an instructor": [ann, { courseId }, 403, "forbidden"],
  "a body that is none": [learner, [], 422, "validation_failed"],
  "no course": [learner, {}, 422, "validation_failed"],
  "an id that is none": [learner, { courseId: "../users/me" }, 422, "validation_failed"],
  "another learner's id": [learner, { courseId, learnerId: uuidv7() }, 422, "validation_failed"],
  "progress from the start": [learner, { courseId, progress: 100 }, 422, "validation_failed"],
  "broken JSON": [learner, "{", 400, "malformed_json"],
} as const;
for (const [what, [as, body, status, code]] of Object.entries(refused)) {
  Deno.test(`POST /enrollments refuses ${what} and calls no service`, async () => {
    using platform = await setupEnrollment();
    let calls = 0;
    platform.fault.answer = () => Response.json({ calls: ++calls });
    await expectProblem(platform.call("POST", "/enrollments", { as, body }), status, code);
    assert.equal(calls, 0);
  });
}

const strangers = {
  "an anonymous caller": [{ sub: "anon" }, 401, "authentication_required"],
  "another learner": [person(uuidv7(), "learner"), 404, "not_found"],
  "the course's instructor": [both, 404, "not_found"],
  "an administrator": [person(uuidv7(), "admin"), 404, "not_found"],
} as const;
for (const [who, [as, status, code]] of Object.entries(strangers)) {
  Deno.test(`an enrollment is not visible to ${who}`, async () => {
    using platform = await setupEnrollment();
    const { publish, enroll, call, rows } = platform;
    const course = await publish("a");
    const { id } = await enroll(course.id);
    const before = await rows();
    const path = `/enrollments/${id}`;
    const lesson = `${path}/lessons/${course.lessons[0]?.id}`;
    await expectProblem(call("GET", path, { as }), status, code);
    await expectProblem(call("PUT", lesson, { as, body: { completed: true } }), status, code);
    await expectProblem(call("DELETE", path, { as }), status, code);
    assert.deepEqual(await rows(), before);
  });
}

const marks = {
  "no body": [undefined, 422, "validation_failed"],
  "a text": [{ completed: "yes" }, 422, "validation_failed"],
  "no decision": [{}, 422, "validation_failed"],
  "progress of one's own": [{ completed: true, progress: 100 }, 422, "validation_failed"],
} as const;
for (const [what, [body, status, code]] of Object.entries(marks)) {
  Deno.test(`marking a lesson refuses ${what}`, async () => {
    using platform = await setupEnrollment();
    const { publish, enroll, call, rows } = platform;
    const course = await publish("a");
    const { id } = await enroll(course.id);
    const before = await rows();
    const path = `/enrollments/${id}/lessons/${course.lessons[0]?.id}`;
    await expectProblem(call("PUT", path, { as: learner, body }), status, code);
    assert.deepEqual(await rows(), before);
  });
}

Deno.test("marking a lesson of another course is 404", async () => {
  using platform = await setupEnrollment();
  const { publish, enroll, call } = platform;
  const { id } = await enroll((await publish("a")).id);
  const another = await publish("b");
  for (const lessonId of [another.lessons[0]?.id, uuidv7(), "none"]) {
    const path = `/enrollments/${id}/lessons/${lessonId}`;
    await expectProblem(
      call("PUT", path, { as: learner, body: { completed: true } }),
      404,
      "not_found",
    );
  }
});

const faults = {
  "is down": [
    () => {
      throw new TypeError("connection refused");
    },
    503,
    "upstream_unavailable",
  ],
  "fails": [() => new Response("no", { status: 500 }), 502, "upstream_bad_response"],
  "has no store": [() => new Response("no", { status: 503 }), 503, "upstream_unavailable"],
  "returns no JSON": [() => new Response("<p>"), 502, "upstream_bad_response"],
  "returns another document": [() => Response.json({ id: 1 }), 502, "upstream_bad_response"],
  "returns another course": [
    () => Response.json({ id: uuidv7(), title: "x", state: "published", lessons: [] }),
    502,
    "upstream_bad_response",
  ],
  "redirects": [
    () => new Response(null, { status: 307, headers: { location: "/" } }),
    502,
    "upstream_bad_response",
  ],
  "refuses the Passport": [
    () => Response.json({ code: "passport_invalid" }, { status: 401 }),
    502,
    "upstream_bad_response",
  ],
  "has lost the course": [() => new Response(null, { status: 404 }), 404, "not_found"],
} as const;
for (const [what, [respond, status, code]] of Object.entries(faults)) {
  Deno.test(`enrolling and progress fail while course ${what}`, async () => {
    using platform = await setupEnrollment();
    const { publish, enroll, call, rows, fault } = platform;
    const course = await publish("a");
    const { id } = await enroll(course.id);
    const before = await rows();
    fault.answer = respond;
    const path = `/enrollments/${id}/lessons/${course.lessons[0]?.id}`;
    const other = person(uuidv7(), "learner");
    const body = { courseId: course.id };
    await expectProblem(call("POST", "/enrollments", { as: other, body }), status, code);
    await expectProblem(
      call("PUT", path, { as: learner, body: { completed: true } }),
      status,
      code,
    );
    assert.deepEqual(await rows(), before);
  });
}
