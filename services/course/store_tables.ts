import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** One row for each course. */
export const courses = sqliteTable("courses", {
  id: text("id").primaryKey(),
  instructorId: text("instructor_id").notNull(),
  instructorName: text("instructor_name").notNull(),
  title: text("title").notNull(),
  summary: text("summary").notNull(),
  tags: text("tags", { mode: "json" }).$type<string[]>().notNull(),
  searchText: text("search_text").notNull(),
  state: text("state", { enum: ["draft", "published"] }).notNull(),
  lessonCount: integer("lesson_count").notNull(),
  learners: integer("learners").notNull().default(0),
  completions: integer("completions").notNull().default(0),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  publishedAt: integer("published_at"),
});

/** One row for each lesson. */
export const lessons = sqliteTable("lessons", {
  id: text("id").primaryKey(),
  courseId: text("course_id").notNull(),
  position: integer("position").notNull(),
  title: text("title").notNull(),
  content: text("content").notNull(),
});

/** Events about people who teach. */
export const instructors = sqliteTable("instructors", {
  id: text("id").primaryKey(),
  name: text("name"),
  teaches: integer("teaches"),
  disabled: integer("disabled").notNull().default(0),
});

/** One row for each counted enrollment; its course may be deleted. */
export const countedEnrollments = sqliteTable("counted_enrollments", {
  enrollmentId: text("enrollment_id").primaryKey(),
  courseId: text("course_id").notNull(),
  completed: integer("completed").notNull(),
});
