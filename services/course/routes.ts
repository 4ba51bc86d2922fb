import { createRoute } from "@hono/zod-openapi";
import {
  bodyProblems,
  callProblems,
  createApi,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  noContent,
  type PassportEnv,
  problems,
  requireRole,
  type UserPassport,
} from "@edgepass/shared/http";
import type { Passport } from "@edgepass/shared/passport";
import { readCursor, toCursor } from "@edgepass/shared/sql";
import { createMiddleware } from "hono/factory";
import { toCourse, toListItem } from "./presenters.ts";
import {
  Course,
  CourseChange,
  CourseList,
  CourseParams,
  CourseQuery,
  type CourseQuery as CourseQueryInput,
  NewCourse,
  PagePosition,
} from "./schema.ts";
import type { Courses } from "./service.ts";
import type { CourseFilter } from "./store.ts";

const tags = ["Courses"];

/** Admits only instructors, before anything of the request is read. */
export const teachersOnly = createMiddleware<
  PassportEnv & { Variables: { teacher: UserPassport } }
>(async function teachersOnly(c, next) {
  c.set("teacher", requireRole(c.var.passport, "instructor"));
  await next();
});

const listCourses = createRoute({
  method: "get",
  path: "/",
  operationId: "listCourses",
  summary: "Published courses, newest first",
  tags,
  request: { query: CourseQuery },
  responses: {
    200: jsonResponse("A page of courses", CourseList),
    ...problems("authentication_required", "forbidden", "validation_failed", "store_unavailable"),
  },
});

const getCourse = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getCourse",
  summary: "A course with its lessons; drafts are there for their owner alone",
  tags,
  request: { params: CourseParams },
  responses: {
    200: jsonResponse("The course", Course),
    ...problems("not_found", "store_unavailable"),
  },
});

const createCourse = createRoute({
  method: "post",
  path: "/",
  operationId: "createCourse",
  summary: "Begin a course, as a draft",
  tags,
  middleware: teachersOnly,
  request: { ...idempotencyKey, ...jsonBody(NewCourse) },
  responses: {
    201: jsonResponse("The new course", Course),
    ...problems(
      ...bodyProblems,
      "authentication_required",
      "forbidden",
      "conflict",
      ...callProblems,
      "store_unavailable",
    ),
  },
});

const changeCourse = createRoute({
  method: "patch",
  path: "/{id}",
  operationId: "changeCourse",
  summary: "Change title, summary or tags of a course of one's own",
  tags,
  middleware: teachersOnly,
  request: { params: CourseParams, ...jsonBody(CourseChange) },
  responses: {
    200: jsonResponse("The changed course", Course),
    ...problems(
      ...bodyProblems,
      "authentication_required",
      "forbidden",
      "not_found",
      "conflict",
      "store_unavailable",
    ),
  },
});

const ownCourseProblems = problems(
  "authentication_required",
  "forbidden",
  "not_found",
  "conflict",
  "store_unavailable",
);

const removeCourse = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "removeCourse",
  summary: "Remove a course of one's own with its lessons",
  tags,
  middleware: teachersOnly,
  request: { params: CourseParams },
  responses: { 204: noContent("Removed"), ...ownCourseProblems },
});

const publishCourse = createRoute({
  method: "post",
  path: "/{id}/publish",
  operationId: "publishCourse",
  summary: "Publish a course that has a lesson; repeating it changes nothing",
  tags,
  middleware: teachersOnly,
  request: { params: CourseParams },
  responses: { 200: jsonResponse("The published course", Course), ...ownCourseProblems },
});

/** The routes of courses; lessons have routes of their own. */
export function courseRoutes(courses: Courses) {
  return createApi()
    .openapi(listCourses, async (c) => {
      const { items, next } = await courses.list(toFilter(c.req.valid("query"), c.var.passport));
      const nextCursor = next === undefined ? null : toCursor(next);
      return c.json({ items: items.map(toListItem), nextCursor }, 200);
    })
    .openapi(getCourse, async (c) => {
      const course = await courses.get(c.req.valid("param").id, c.var.passport);
      return c.json(toCourse(course), 200);
    })
    .openapi(createCourse, async (c) => {
      const course = await courses.create(c.req.valid("json"), c.var.teacher);
      return c.json(toCourse(course), 201);
    })
    .openapi(changeCourse, async (c) => {
      const { id } = c.req.valid("param");
      const course = await courses.change(id, c.req.valid("json"), c.var.teacher);
      return c.json(toCourse(course), 200);
    })
    .openapi(removeCourse, async (c) => {
      await courses.remove(c.req.valid("param").id, c.var.teacher);
      return c.body(null, 204);
    })
    .openapi(publishCourse, async (c) => {
      const course = await courses.publish(c.req.valid("param").id, c.var.teacher);
      return c.json(toCourse(course), 200);
    });
}

function toFilter(
  { q, tag, limit, cursor, mine }: CourseQueryInput,
  passport: Passport,
): CourseFilter {
  const after = cursor === undefined ? undefined : readCursor(PagePosition, cursor);
  const own = mine === "true"
    ? { instructorId: requireRole(passport, "instructor").userId }
    : undefined;
  return { q, tag, limit, after, ...own };
}
