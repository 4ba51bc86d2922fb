import { eventTypes, exportServices } from "@edgepass/contracts";
import assert from "node:assert/strict";
import { ConfigError, localUpstream } from "@edgepass/shared/configuration";
import { toPlace } from "@edgepass/shared/http";
import courseService from "@edgepass/course";
import userService from "@edgepass/user";
import { createExporting } from "../../tests/support/enrollment_service.ts";
import { createFakeQstash, eventBindings } from "../../tests/support/events.ts";
import { createPassports } from "../../tests/support/passports.ts";
import {
  createCaller,
  expectJson,
  expectProblem,
  openDatabase,
  person,
} from "../../tests/support/services.ts";
import { annId, bobId, createAccounts } from "../../tests/support/user_service.ts";
import enrollmentService from "./service.ts";
import { Course, Lesson } from "../course/schema.ts";
import { Enrollment } from "./schema.ts";

const teacher = person(annId, "instructor");
const learner = person(bobId, "learner");

Deno.test("a Passport is forwarded unchanged from enrollment to course to user to auth", async () => {
  using userDb = await openDatabase("user");
  using courseDb = await openDatabase("course");
  using enrollmentDb = await openDatabase("enrollment");
  const passports = createPassports();
  const bindings = {
    ...passports.bindings,
    USER_DB: userDb,
    COURSE_DB: courseDb,
    ENROLLMENT_DB: enrollmentDb,
    // A binding takes precedence over a local service.
    USER: { fetch: (request: Request) => user.fetch(request) },
  };
  const unused = localUpstream("unused", { fetch: () => new Response(null, { status: 500 }) });
  const user = userService.compose(bindings, {
    local: { AUTH: localUpstream("auth", createAccounts().app) },
  });
  const course = courseService.compose(bindings, { local: { USER: unused } });
  const enrollment = enrollmentService.compose(bindings, {
    local: { ...createExporting(), AUTH: unused, COURSE: localUpstream("course", course) },
  });
  const teach = createCaller(course, passports);
  const observeVersion = createCaller(enrollment, passports);

  const body = { title: "Sailing", summary: "Knots" };
  const draft = await expectJson(teach("POST", "/courses", { as: teacher, body }), 201, Course);
  assert.deepEqual(draft.instructor, { id: annId, name: "Ann" });
  const enroll = () =>
    observeVersion("POST", "/enrollments", { as: learner, body: { courseId: draft.id } });
  await expectProblem(enroll(), 404, "not_found");
  const lesson = await expectJson(
    teach("POST", `/courses/${draft.id}/lessons`, {
      as: teacher,
      body: { title: "Bowline", content: "The rabbit" },
    }),
    201,
    Lesson,
  );
  await expectJson(teach("POST", `/courses/${draft.id}/publish`, { as: teacher }), 200, Course);
  const enrolled = await expectJson(enroll(), 201, Enrollment);
  const path = `/enrollments/${enrolled.id}/lessons/${lesson.id}`;
  const done = await expectJson(
    observeVersion("PUT", path, { as: learner, body: { completed: true } }),
    200,
    Enrollment,
  );
  assert.equal(done.progress, 100);
});

Deno.test("events that course and enrollment had no time to publish are published by their maintenance", async () => {
  using userDb = await openDatabase("user");
  using courseDb = await openDatabase("course");
  using enrollmentDb = await openDatabase("enrollment");
  const qstash = createFakeQstash();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => qstash.fetch(request),
  );
  const passports = createPassports();
  const compose = (settings: Readonly<Record<string, string>>) => {
    const databases = { USER_DB: userDb, COURSE_DB: courseDb, ENROLLMENT_DB: enrollmentDb };
    const bindings = { ...passports.bindings, ...databases, ...settings };
    const user = userService.compose(bindings, {
      local: { AUTH: localUpstream("auth", createAccounts().app) },
    });
    const USER = localUpstream("user", user);
    const course = courseService.compose(bindings, { local: { USER } });
    const places = { ...createExporting(), USER, COURSE: localUpstream("course", course) };
    const enrollment = enrollmentService.compose(bindings, { local: places });
    return { course, enrollment };
  };
  const silent = compose({});
  const teach = createCaller(silent.course, passports);
  const observeVersion = createCaller(silent.enrollment, passports);
  const options = { as: teacher, body: { title: "Sailing", summary: "Knots" } };
  const { id } = await expectJson(teach("POST", "/courses", options), 201, Course);
  const lesson = { as: teacher, body: { title: "Bowline", content: "The rabbit" } };
  await expectJson(teach("POST", `/courses/${id}/lessons`, lesson), 201, Lesson);
  await expectJson(teach("POST", `/courses/${id}/publish`, { as: teacher }), 200, Course);
  const body = { courseId: id };
  await expectJson(observeVersion("POST", "/enrollments", { as: learner, body }), 201, Enrollment);

  const url = `http://127.0.0.1:${server.addr.port}`;
  const { course, enrollment } = compose({ ...eventBindings, QSTASH_URL: url });
  await course.maintain?.();
  await enrollment.maintain?.();
  const published = qstash.messages.map(({ destination, body }) => [
    destination,
    JSON.parse(body).type,
  ]);
  const types = ["course.published", "enrollment.created"] as const;
  const expected = types.flatMap((type) =>
    eventTypes[type].consumers.map((consumer) => [
      `${eventBindings.PUBLIC_ORIGIN}/events/${consumer}`,
      type,
    ])
  );
  assert.deepEqual(published, expected);
  await server.shutdown();
});

function placed(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, "http://127.0.0.1:9"]));
}

/** Enrollment calls course, and every service with a part in a person's export. */
const exporting = Object.keys(exportServices).filter((name) => name !== "enrollment").map(toPlace);

const composers = {
  user: [userService, "USER_DB", ["AUTH"]],
  course: [courseService, "COURSE_DB", ["USER"]],
  enrollment: [enrollmentService, "ENROLLMENT_DB", exporting],
} as const;
for (const [name, [{ compose }, database, upstreams]] of Object.entries(composers)) {
  Deno.test(`${name} does not start without its settings, and names them`, async () => {
    using db = await openDatabase(name);
    const { bindings } = createPassports();
    const complete = { ...bindings, [database]: db, ...placed(upstreams) };
    compose(complete);
    for (const missing of [database, ...upstreams, "PASSPORT_KEYS", "ISSUER"]) {
      assert.throws(
        () => compose({ ...complete, [missing]: "" }),
        (error) => error instanceof ConfigError && error.message.includes(`${missing} is missing`),
      );
    }
    for (
      const [setting, value] of [
        [database, "mysql://secret"],
        ...upstreams.map((upstream) => [upstream, "http://x/secret"] as const),
      ] as const
    ) {
      assert.throws(
        () => compose({ ...complete, [setting]: value }),
        (error) =>
          error instanceof ConfigError && error.message.includes(setting) &&
          !error.message.includes("secret"),
      );
    }
  });

  Deno.test(`the OpenAPI document of ${name} names every operation and its failures`, async () => {
    using db = await openDatabase(name);
    const { bindings } = createPassports();
    const service = compose({ ...bindings, [database]: db, ...placed(upstreams) });
    const response = await service.fetch(new Request("http://service.test/openapi.json"));
    const { paths } = await response.json();
    const operations = Object.values<Record<string, Record<string, unknown>>>(paths)
      .flatMap((item) => Object.values(item));
    assert.ok(operations.length >= 4);
    for (const { operationId, summary, tags, responses } of operations) {
      assert.ok(operationId && summary && tags);
      assert.ok(Object.keys(responses ?? {}).includes("503"), String(operationId));
    }
  });
}
