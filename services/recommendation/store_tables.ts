import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** One row for each projected course. */
export const courses = sqliteTable("courses", {
  id: text("id").primaryKey(),
  title: text("title"),
  learners: integer("learners").notNull().default(0),
});

/** One row for each enrollment. */
export const countedEnrollments = sqliteTable("counted_enrollments", {
  enrollmentId: text("enrollment_id").primaryKey(),
  courseId: text("course_id").notNull(),
});
