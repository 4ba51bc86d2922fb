import { z } from "@hono/zod-openapi";
import { line, list, ListQuery, prose } from "@edgepass/shared/http";

/** Bounds that fit a course into one response and one batch. */
export const maxLessons = 100;
const maxTags = 10;

const id = z.uuid().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e80" });
const time = z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" });
const title = line(200).openapi({ example: "Sailing for beginners" });
const summary = prose(2_000).openapi({ example: "Knots, wind, and the way home" });
const tag = line(32).toLowerCase().openapi({ example: "sailing" });
const tags = z.array(tag).max(maxTags);
const lessonTitle = line(200).openapi({ example: "The bowline" });
const lessonContent = prose(20_000).openapi({ example: "The rabbit comes out of its hole …" });

export const Lesson = z.object({
  id,
  title: lessonTitle,
  content: lessonContent,
  position: z.int().min(1).openapi({ example: 1 }),
}).openapi("Lesson");
export type Lesson = z.infer<typeof Lesson>;

export const Instructor = z.object({
  id: z.string().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e81" }),
  name: z.string().openapi({ example: "Demo Instructor" }),
}).openapi("Instructor");

const summaryFields = {
  id,
  title,
  summary,
  tags,
  state: z.enum(["draft", "published"]),
  instructor: Instructor,
  instructorActive: z.boolean().openapi({
    description: "Whether the instructor teaches here at present; the course stays either way",
  }),
  learners: z.int().min(0).openapi({
    description:
      "Enrollments there are; a new one counts, and one that ends does not, within seconds",
    example: 12,
  }),
  completions: z.int().min(0).openapi({
    description: "Those of them that completed every lesson at least once",
    example: 7,
  }),
};

const timeFields = {
  createdAt: time,
  updatedAt: time,
  publishedAt: time.nullable(),
};

export const Course = z.object({
  ...summaryFields,
  lessons: z.array(Lesson),
  ...timeFields,
}).openapi("Course");
export type Course = z.infer<typeof Course>;

export const CourseListItem = z.object({
  ...summaryFields,
  lessonCount: z.int().min(0).openapi({ example: 3 }),
  ...timeFields,
}).openapi("CourseListItem");
export type CourseListItem = z.infer<typeof CourseListItem>;

export const CourseList = list(CourseListItem).openapi("CourseList");

export const CourseQuery = ListQuery.extend({
  q: line(100).optional().openapi({
    description: "Words as they stand in title or summary, in any case",
    example: "sailing",
  }),
  tag: tag.optional(),
  mine: z.enum(["true", "false"]).default("false").openapi({
    description: "The asking instructor's own courses, drafts too, newest first",
  }),
});
export type CourseQuery = z.infer<typeof CourseQuery>;

/** Start of a page: after the item that was created, or published, at this time and has this id. */
export const PagePosition = z.object({ at: z.int(), id: z.uuid() });
export type PagePosition = z.infer<typeof PagePosition>;

export const NewCourse = z.strictObject({
  title,
  summary,
  tags: tags.default([]),
}).openapi("NewCourse");
export type NewCourse = z.infer<typeof NewCourse>;

export const CourseChange = z.strictObject({ title, summary, tags }).partial().openapi(
  "CourseChange",
);
export type CourseChange = z.infer<typeof CourseChange>;

export const NewLesson = z.strictObject({
  title: lessonTitle,
  content: lessonContent,
}).openapi("NewLesson");
export type NewLesson = z.infer<typeof NewLesson>;

export const LessonChange = z.strictObject({
  title: lessonTitle,
  content: lessonContent,
  position: z.int().min(1).max(maxLessons).openapi({
    description: "Where the lesson goes; past the end means last",
    example: 2,
  }),
}).partial().openapi("LessonChange");
export type LessonChange = z.infer<typeof LessonChange>;

export const CourseParams = z.object({ id });
export const LessonParams = z.object({ id, lessonId: id });
