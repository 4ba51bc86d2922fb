import { createRoute } from "@hono/zod-openapi";
import {
  bodyProblems,
  createApi,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  noContent,
  problems,
} from "@edgepass/shared/http";
import { teachersOnly } from "./routes.ts";
import { CourseParams, Lesson, LessonChange, LessonParams, NewLesson } from "./schema.ts";
import type { Courses } from "./service.ts";

const tags = ["Lessons"];

const ownLessonProblems = problems(
  "authentication_required",
  "forbidden",
  "not_found",
  "conflict",
  "store_unavailable",
);

const changeProblems = problems(
  ...bodyProblems,
  "authentication_required",
  "forbidden",
  "not_found",
  "conflict",
  "store_unavailable",
);

const addLesson = createRoute({
  method: "post",
  path: "/{id}/lessons",
  operationId: "addLesson",
  summary: "Put a lesson at the end of a course of one's own",
  tags,
  middleware: teachersOnly,
  request: { params: CourseParams, ...idempotencyKey, ...jsonBody(NewLesson) },
  responses: { 201: jsonResponse("The new lesson", Lesson), ...changeProblems },
});

const changeLesson = createRoute({
  method: "patch",
  path: "/{id}/lessons/{lessonId}",
  operationId: "changeLesson",
  summary: "Change a lesson or move it to another place",
  tags,
  middleware: teachersOnly,
  request: { params: LessonParams, ...jsonBody(LessonChange) },
  responses: { 200: jsonResponse("The changed lesson", Lesson), ...changeProblems },
});

const removeLesson = createRoute({
  method: "delete",
  path: "/{id}/lessons/{lessonId}",
  operationId: "removeLesson",
  summary: "Remove a lesson; a published course keeps at least one",
  tags,
  middleware: teachersOnly,
  request: { params: LessonParams },
  responses: { 204: noContent("Removed"), ...ownLessonProblems },
});

/** The routes of lessons, under the path of their course. */
export function lessonRoutes(courses: Courses) {
  return createApi()
    .openapi(addLesson, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(await courses.addLesson(id, c.req.valid("json"), c.var.teacher), 201);
    })
    .openapi(changeLesson, async (c) => {
      const lesson = await courses.changeLesson(
        c.req.valid("param"),
        c.req.valid("json"),
        c.var.teacher,
      );
      return c.json(lesson, 200);
    })
    .openapi(removeLesson, async (c) => {
      await courses.removeLesson(c.req.valid("param"), c.var.teacher);
      return c.body(null, 204);
    });
}
