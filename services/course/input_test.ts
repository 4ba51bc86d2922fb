import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import { ann, learner, sailing, setupCourse } from "../../tests/support/course_service.ts";
import { expectProblem } from "../../tests/support/services.ts";

const refused = {
  "no title": [{ summary: "x" }, 422, "validation_failed"],
  "an empty title": [{ ...sailing, title: "  " }, 422, "validation_failed"],
  "a title of two lines": [{ ...sailing, title: "a\nb" }, 422, "validation_failed"],
  "a long title": [{ ...sailing, title: "x".repeat(201) }, 422, "validation_failed"],
  "NUL": [{ ...sailing, summary: "a\u0000b" }, 422, "validation_failed"],
  "half a surrogate pair": [{ ...sailing, title: "\ud800" }, 422, "validation_failed"],
  "eleven tags": [{ ...sailing, tags: [..."abcdefghijk"] }, 422, "validation_failed"],
  "tags that are no list": [{ ...sailing, tags: "sea" }, 422, "validation_failed"],
  "an id of the caller's": [{ ...sailing, id: uuidv7() }, 422, "validation_failed"],
  "another instructor": [{ ...sailing, instructorId: uuidv7() }, 422, "validation_failed"],
  "a state": [{ ...sailing, state: "published" }, 422, "validation_failed"],
  "a __proto__ member": [
    '{"title":"a","summary":"b","__proto__":{"state":"published"}}',
    422,
    "validation_failed",
  ],
  "a list": [[], 422, "validation_failed"],
  "broken JSON": ["{", 400, "malformed_json"],
} as const;
for (const [what, [body, status, code]] of Object.entries(refused)) {
  Deno.test(`POST /courses refuses ${what}`, async () => {
    using platform = await setupCourse();
    await expectProblem(platform.call("POST", "/courses", { as: ann, body }), status, code);
    assert.deepEqual(
      await platform.database.run({ sql: "SELECT id FROM courses", params: [] }),
      [],
    );
  });
}

for (
  const [method, body] of [
    ["PATCH", { state: "published" }],
    ["PATCH", { instructor: { id: "x", name: "y" } }],
    ["PATCH", { version: 1 }],
    ["PATCH", { title: null }],
  ] as const
) {
  Deno.test(`${method} /courses/{id} does not write ${JSON.stringify(body)}`, async () => {
    using platform = await setupCourse();
    const course = await platform.create();
    await expectProblem(
      platform.call(method, `/courses/${course.id}`, { as: ann, body }),
      422,
      "validation_failed",
    );
    assert.deepEqual(await platform.read(course.id), course);
  });
}

const badTargets = {
  "GET /courses/none": [404, "not_found"],
  "GET /courses/00000000-0000-7000-8000-000000000000": [404, "not_found"],
  "GET /courses?limit=0": [422, "validation_failed"],
  "GET /courses?limit=101": [422, "validation_failed"],
  "GET /courses?limit=many": [422, "validation_failed"],
  "GET /courses?limit=1&limit=2": [422, "validation_failed"],
  "GET /courses?cursor=none": [422, "validation_failed"],
  "GET /courses?cursor=e30": [422, "validation_failed"],
  "GET /courses?q=a&q=b": [422, "validation_failed"],
  "GET /courses?mine=perhaps": [422, "validation_failed"],
  "GET /courses?mine=true": [401, "authentication_required"],
  "PUT /courses": [405, "method_not_allowed"],
  "POST /courses": [401, "authentication_required"],
} as const;
for (const [target, [status, code]] of Object.entries(badTargets)) {
  Deno.test(`${target} of an anonymous caller is ${code}`, async () => {
    using platform = await setupCourse();
    const [method = "", path = ""] = target.split(" ");
    await expectProblem(platform.call(method, path), status, code);
  });
}

Deno.test("a learner has no courses of their own to list", async () => {
  using platform = await setupCourse();
  await expectProblem(
    platform.call("GET", "/courses?mine=true", { as: learner }),
    403,
    "forbidden",
  );
});

Deno.test("a request for courses without a Passport is refused", async () => {
  using platform = await setupCourse();
  await expectProblem(platform.call("GET", "/courses", { as: null }), 401, "passport_required");
});
