import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** One row for each enrollment. */
export const enrollments = sqliteTable("enrollments", {
  id: text("id").primaryKey(),
  learnerId: text("learner_id").notNull(),
  courseId: text("course_id").notNull(),
  courseTitle: text("course_title").notNull(),
  lessonIds: text("lesson_ids", { mode: "json" }).$type<string[]>().notNull(),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  completedAt: integer("completed_at"),
  firstCompletedAt: integer("first_completed_at"),
});

/** One row for each completed lesson. */
export const completions = sqliteTable("completions", {
  enrollmentId: text("enrollment_id").notNull(),
  lessonId: text("lesson_id").notNull(),
  completedAt: integer("completed_at").notNull(),
}, (table) => [primaryKey({ columns: [table.enrollmentId, table.lessonId] })]);

/** Courses, from events of course. */
export const courses = sqliteTable("courses", {
  id: text("id").primaryKey(),
  title: text("title").notNull(),
  removed: integer("removed").notNull().default(0),
});
