import {
  asAttachment,
  attachmentResponse,
  callProblems,
  createApi,
  createRoute,
  type Export,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  ListQuery,
  noContent,
} from "@edgepass/shared/http";
import { readCursor, toCursor } from "@edgepass/shared/sql";
import { completedLessons, type EnrollmentRecord, progressOf } from "./enrollment.ts";
import {
  Enrollment,
  EnrollmentList,
  EnrollmentParams,
  LessonParams,
  LessonProgress,
  NewEnrollment,
  PagePosition,
  PersonExport,
} from "./schema.ts";
import type { Enrollments } from "./rules.ts";

const tags = ["Enrollments"];

const enroll = createRoute({
  method: "post",
  path: "/",
  operationId: "enroll",
  summary: "Enroll in a published course",
  tags,
  access: { roles: ["learner"] },
  request: { ...idempotencyKey, ...jsonBody(NewEnrollment) },
  responses: { 201: jsonResponse("The new enrollment", Enrollment) },
  problems: ["not_found", "conflict", ...callProblems, "store_unavailable"],
});

const listEnrollments = createRoute({
  method: "get",
  path: "/",
  operationId: "listEnrollments",
  summary: "One's own enrollments, newest first",
  tags,
  // A person's enrollments stay theirs when they lose the role.
  access: "authenticated",
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page of enrollments", EnrollmentList) },
  problems: ["store_unavailable"],
});

const getEnrollment = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getEnrollment",
  summary: "An enrollment of one's own",
  tags,
  access: "authenticated",
  request: { params: EnrollmentParams },
  responses: { 200: jsonResponse("The enrollment", Enrollment) },
  problems: ["not_found", "store_unavailable"],
});

const markLesson = createRoute({
  method: "put",
  path: "/{id}/lessons/{lessonId}",
  operationId: "markLesson",
  summary: "Mark a lesson as completed, or take that back",
  tags,
  access: "authenticated",
  request: { params: LessonParams, ...jsonBody(LessonProgress) },
  responses: { 200: jsonResponse("The enrollment with its progress", Enrollment) },
  problems: ["not_found", "conflict", ...callProblems, "store_unavailable"],
});

const leave = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "leaveCourse",
  summary: "Leave a course; the progress is gone",
  tags,
  access: "authenticated",
  request: { params: EnrollmentParams },
  responses: { 204: noContent("Left") },
  problems: ["not_found", "store_unavailable"],
});

const filename = "export.json";

const exportOwnData = createRoute({
  method: "get",
  path: "/users/me/export",
  access: "authenticated",
  operationId: "exportOwnData",
  summary: "All that is kept about oneself; whole or not at all",
  description:
    "What is derived is not in it: suggestions of courses that are kept for an outage of their " +
    "source, for a day at most, and erased with the account.",
  tags: ["Users"],
  responses: {
    200: attachmentResponse(
      "Everything but what only proves who the person is",
      PersonExport,
      filename,
    ),
  },
  problems: [...callProblems, "store_unavailable"],
});

/** The routes of enrollments. */
export function enrollmentRoutes(enrollments: Enrollments) {
  return createApi()
    .openapi(enroll, async (c) => {
      const enrollment = await enrollments.enroll(c.req.valid("json"), c.var.user);
      return c.json(toEnrollment(enrollment), 201);
    })
    .openapi(listEnrollments, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = cursor === undefined ? undefined : readCursor(PagePosition, cursor);
      const { items, next } = await enrollments.list(c.var.user, { limit, after });
      const nextCursor = next === undefined ? null : toCursor(next);
      return c.json({ items: items.map(toEnrollment), nextCursor }, 200);
    })
    .openapi(getEnrollment, async (c) => {
      const enrollment = await enrollments.get(c.req.valid("param").id, c.var.user);
      return c.json(toEnrollment(enrollment), 200);
    })
    .openapi(markLesson, async (c) => {
      const enrollment = await enrollments.mark(
        c.req.valid("param"),
        c.req.valid("json"),
        c.var.user,
      );
      return c.json(toEnrollment(enrollment), 200);
    })
    .openapi(leave, async (c) => {
      await enrollments.remove(c.req.valid("param").id, c.var.user);
      return c.body(null, 204);
    });
}

/** Collects what every service stores about the request's subject. */
export function exportRoutes(
  { readOwn, collectExports, now }: {
    readonly readOwn: (personId: string) => Promise<Export>;
    readonly collectExports: () => Promise<Readonly<Record<string, Export>>>;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
) {
  return createApi().openapi(exportOwnData, async (c) => {
    const [others, own] = await Promise.all([collectExports(), readOwn(c.var.user.userId)]);
    const parts = PersonExport.omit({ generatedAt: true }).parse({ ...others, enrollment: own });
    asAttachment(c, filename);
    return c.json({ generatedAt: new Date(now()).toISOString(), ...parts }, 200);
  });
}

function toEnrollment(enrollment: EnrollmentRecord): Enrollment {
  const { id, courseId, courseTitle, courseState, createdAt, completedAt } = enrollment;
  return {
    id,
    course: { id: courseId, title: courseTitle },
    courseState,
    progress: progressOf(enrollment),
    completedLessons: completedLessons(enrollment),
    createdAt: new Date(createdAt).toISOString(),
    completedAt: completedAt === null ? null : new Date(completedAt).toISOString(),
  };
}
