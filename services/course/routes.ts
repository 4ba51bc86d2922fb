import {
  callProblems,
  createApi,
  createRoute,
  idempotencyKey,
  jsonBody,
  jsonResponse,
  noContent,
  requireRole,
} from "@edgepass/shared/http";
import type { Passport } from "@edgepass/shared/passport";
import { readCursor, toCursor } from "@edgepass/shared/sql";
import type { CourseAggregate, CourseRecord } from "./course.ts";
import {
  Course,
  CourseChange,
  CourseList,
  type CourseListItem,
  CourseParams,
  CourseQuery,
  type CourseQuery as CourseQueryInput,
  Lesson,
  LessonChange,
  LessonParams,
  NewCourse,
  NewLesson,
  PagePosition,
} from "./schema.ts";
import type { Courses } from "./rules.ts";
import type { CourseFilter } from "./store.ts";

const tags = ["Courses"];

/** Courses belong to instructors: they alone begin and change them. */
const instructors = { roles: ["instructor"] } as const;

const listCourses = createRoute({
  method: "get",
  path: "/",
  access: "optional",
  operationId: "listCourses",
  summary: "Published courses, newest first",
  tags,
  request: { query: CourseQuery },
  responses: { 200: jsonResponse("A page of courses", CourseList) },
  problems: ["authentication_required", "forbidden", "store_unavailable"],
});

const getCourse = createRoute({
  method: "get",
  path: "/{id}",
  access: "optional",
  operationId: "getCourse",
  summary: "A course with its lessons; drafts are there for their owner alone",
  tags,
  request: { params: CourseParams },
  responses: { 200: jsonResponse("The course", Course) },
  problems: ["not_found", "store_unavailable"],
});

const createCourse = createRoute({
  method: "post",
  path: "/",
  operationId: "createCourse",
  summary: "Begin a course, as a draft",
  tags,
  access: instructors,
  request: { ...idempotencyKey, ...jsonBody(NewCourse) },
  responses: { 201: jsonResponse("The new course", Course) },
  problems: ["conflict", ...callProblems, "store_unavailable"],
});

const changeCourse = createRoute({
  method: "patch",
  path: "/{id}",
  operationId: "changeCourse",
  summary: "Change title, summary or tags of a course of one's own",
  tags,
  access: instructors,
  request: { params: CourseParams, ...jsonBody(CourseChange) },
  responses: { 200: jsonResponse("The changed course", Course) },
  problems: ["not_found", "conflict", "store_unavailable"],
});

const ownCourseProblems = ["not_found", "conflict", "store_unavailable"] as const;

const removeCourse = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "removeCourse",
  summary: "Remove a course of one's own with its lessons",
  tags,
  access: instructors,
  request: { params: CourseParams },
  responses: { 204: noContent("Removed") },
  problems: ownCourseProblems,
});

const publishCourse = createRoute({
  method: "post",
  path: "/{id}/publish",
  operationId: "publishCourse",
  summary: "Publish a course that has a lesson; repeating it changes nothing",
  tags,
  access: instructors,
  request: { params: CourseParams },
  responses: { 200: jsonResponse("The published course", Course) },
  problems: ownCourseProblems,
});

const addLesson = createRoute({
  method: "post",
  path: "/{id}/lessons",
  operationId: "addLesson",
  summary: "Put a lesson at the end of a course of one's own",
  tags: ["Lessons"],
  access: instructors,
  request: { params: CourseParams, ...idempotencyKey, ...jsonBody(NewLesson) },
  responses: { 201: jsonResponse("The new lesson", Lesson) },
  problems: ownCourseProblems,
});

const changeLesson = createRoute({
  method: "patch",
  path: "/{id}/lessons/{lessonId}",
  operationId: "changeLesson",
  summary: "Change a lesson or move it to another place",
  tags: ["Lessons"],
  access: instructors,
  request: { params: LessonParams, ...jsonBody(LessonChange) },
  responses: { 200: jsonResponse("The changed lesson", Lesson) },
  problems: ownCourseProblems,
});

const removeLesson = createRoute({
  method: "delete",
  path: "/{id}/lessons/{lessonId}",
  operationId: "removeLesson",
  summary: "Remove a lesson; a published course keeps at least one",
  tags: ["Lessons"],
  access: instructors,
  request: { params: LessonParams },
  responses: { 204: noContent("Removed") },
  problems: ownCourseProblems,
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
      const course = await courses.create(c.req.valid("json"), c.var.user);
      return c.json(toCourse(course), 201);
    })
    .openapi(changeCourse, async (c) => {
      const { id } = c.req.valid("param");
      const course = await courses.change(id, c.req.valid("json"), c.var.user);
      return c.json(toCourse(course), 200);
    })
    .openapi(removeCourse, async (c) => {
      await courses.remove(c.req.valid("param").id, c.var.user);
      return c.body(null, 204);
    })
    .openapi(publishCourse, async (c) => {
      const course = await courses.publish(c.req.valid("param").id, c.var.user);
      return c.json(toCourse(course), 200);
    });
}

/** The routes of lessons, under the path of their course. */
export function lessonRoutes(courses: Courses) {
  return createApi()
    .openapi(addLesson, async (c) => {
      const { id } = c.req.valid("param");
      return c.json(await courses.addLesson(id, c.req.valid("json"), c.var.user), 201);
    })
    .openapi(changeLesson, async (c) => {
      const lesson = await courses.changeLesson(
        c.req.valid("param"),
        c.req.valid("json"),
        c.var.user,
      );
      return c.json(lesson, 200);
    })
    .openapi(removeLesson, async (c) => {
      await courses.removeLesson(c.req.valid("param"), c.var.user);
      return c.body(null, 204);
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

function toSummary(course: CourseRecord) {
  const { id, title, summary, tags, state, instructorActive, learners, completions } = course;
  const instructor = { id: course.instructorId, name: course.instructorName };
  const counts = { learners, completions };
  return { id, title, summary, tags: [...tags], state, instructor, instructorActive, ...counts };
}

function toTimes({ createdAt, updatedAt, publishedAt }: CourseRecord) {
  return {
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    publishedAt: publishedAt === null ? null : new Date(publishedAt).toISOString(),
  };
}

/** A course as an item of a list. */
function toListItem(course: CourseRecord): CourseListItem {
  return { ...toSummary(course), lessonCount: course.lessonCount, ...toTimes(course) };
}

/** A course with its lessons. */
function toCourse(course: CourseAggregate): Course {
  const lessons = course.lessons.map(({ id, title, content }, index) => ({
    id,
    title,
    content,
    position: index + 1,
  }));
  return { ...toSummary(course), lessons, ...toTimes(course) };
}
