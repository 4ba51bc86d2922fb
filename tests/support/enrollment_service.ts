import enrollment from "@edgepass/enrollment";
import { exportServices } from "@edgepass/contracts";
import { localUpstream, type Upstream } from "@edgepass/shared/configuration";
import { createServiceRuntime, toPlace } from "@edgepass/shared/http";
import { Enrollment } from "../../services/enrollment/schema.ts";
import { bowline, learner, setupCourse } from "./course_service.ts";
import { consumerBindings, createDeliverer, readOutbox } from "./deliveries.ts";
import { createCaller, expectJson, openDatabase } from "./services.ts";

/** A service for each part of a person's export, which is empty. */
export function createExporting(): Record<string, Upstream> {
  const fetch = (request: Request) =>
    new URL(request.url).pathname === "/internal/export"
      ? Response.json({})
      : new Response(null, { status: 404 });
  return Object.fromEntries(
    Object.keys(exportServices).map((name) => [toPlace(name), localUpstream(name, { fetch })]),
  );
}

/** Enrollment with the real course service; `fault` may replace course's responses. */
export async function setupEnrollment() {
  const course = await setupCourse();
  const database = await openDatabase("enrollment");
  const { clock, passports } = course;
  const fault: { answer?: (request: Request) => Response } = {};
  const upstream = localUpstream("course", {
    fetch: (request) => fault.answer?.(request) ?? course.service.fetch(request),
  });
  const runtime = createServiceRuntime(passports.bindings, { now: clock.now, sink: () => {} });
  const { app: service, events } = enrollment.compose(
    { ...passports.bindings, ...consumerBindings, ENROLLMENT_DB: database },
    {
      local: {
        ...createExporting(),
        COURSE: upstream,
      },
      runtime,
    },
  );
  const call = createCaller(service, passports);
  return {
    course,
    database,
    clock,
    fault,
    call,
    events,
    ...createDeliverer(service, "enrollment", clock),
    /** The events in its outbox. */
    publishedEvents: () => readOutbox(database),
    /** A published course with lessons of these titles. */
    async publish(...titles: string[]) {
      const { id } = await course.create();
      for (const title of titles) await course.addLesson(id, { ...bowline, title });
      return await course.publish(id);
    },
    enroll: (courseId: string, as = learner) =>
      expectJson(call("POST", "/enrollments", { as, body: { courseId } }), 201, Enrollment),
    read: (id: string, as = learner) =>
      expectJson(call("GET", `/enrollments/${id}`, { as }), 200, Enrollment),
    mark: (id: string, lessonId: string | undefined, completed: boolean, as = learner) =>
      expectJson(
        call("PUT", `/enrollments/${id}/lessons/${lessonId}`, { as, body: { completed } }),
        200,
        Enrollment,
      ),
    /** Every row, to assert that nothing changed. */
    rows: () => database.run({ sql: "SELECT * FROM enrollments ORDER BY id", params: [] }),
    [Symbol.dispose]() {
      course[Symbol.dispose]();
      database[Symbol.dispose]();
    },
  };
}
