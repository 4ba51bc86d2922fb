import { exportServices } from "@edgepass/contracts";
import { z } from "@hono/zod-openapi";
import { list } from "@edgepass/shared/http";

const id = z.uuid().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e90" });
const time = z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" });

export const Enrollment = z.object({
  id,
  course: z.object({
    id,
    title: z.string().openapi({ example: "Sailing for beginners" }),
  }),
  courseState: z.enum(["published", "removed"]).openapi({
    description: "A removed course can be left, and nothing of it be marked any more",
  }),
  progress: z.number().min(0).max(100).openapi({
    description: "Completed lessons among those of the course, in percent",
    example: 33.3,
  }),
  completedLessons: z.array(id),
  createdAt: time,
  completedAt: time.nullable().openapi({
    description: "When the last lesson was completed; null while one is missing",
  }),
}).openapi("Enrollment");
export type Enrollment = z.infer<typeof Enrollment>;

export const EnrollmentList = list(Enrollment).openapi("EnrollmentList");

export const NewEnrollment = z.strictObject({ courseId: id }).openapi("NewEnrollment");
export type NewEnrollment = z.infer<typeof NewEnrollment>;

export const LessonProgress = z.strictObject({
  completed: z.boolean().openapi({ example: true }),
}).openapi("LessonProgress");
export type LessonProgress = z.infer<typeof LessonProgress>;

/** Start of a page: after the enrollment that was created at this time and has this id. */
export const PagePosition = z.object({ at: z.int(), id: z.uuid() });
export type PagePosition = z.infer<typeof PagePosition>;

export const EnrollmentParams = z.object({ id });
export const LessonParams = z.object({ id, lessonId: id });

const Part = z.record(z.string(), z.unknown());

type Parts = { readonly [Service in keyof typeof exportServices]: typeof Part };

const parts = Object.fromEntries(
  Object.entries(exportServices).map((
    [name, description],
  ) => [name, Part.openapi({ description })]),
) as Parts;

/** Everything that is stored about a person, by service. */
export const PersonExport = z.object({
  generatedAt: z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" }),
  ...parts,
}).openapi("PersonExport");
