import { orm, type SqlDb } from "@edgepass/shared/sql";
import { desc, isNotNull, sql as text } from "drizzle-orm";
import { integer, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";

/** One row for each projected course. */
export const courses = sqliteTable("courses", {
  id: textColumn("id").primaryKey(),
  title: textColumn("title"),
  learners: integer("learners").notNull().default(0),
});

/** One row for each enrollment. */
export const countedEnrollments = sqliteTable("counted_enrollments", {
  enrollmentId: textColumn("enrollment_id").primaryKey(),
  courseId: textColumn("course_id").notNull(),
});

/** A course that can be suggested. */
export interface KnownCourse {
  readonly id: string;
  readonly title: string;
}

/** What is stored when suggestions are requested. */
export interface CatalogueView {
  /** Published courses, those with most learners first, the newest of equals first. */
  readonly courses: readonly KnownCourse[];
  /** Whether the account is closed: a Passport outlives it by seconds. */
  readonly isGone: boolean;
}

/** The projected courses. */
export interface Catalogue {
  /** Fails when the database is down, or lacks its tables. */
  check(): Promise<void>;
  look(personId: string): Promise<CatalogueView>;
}

/** More than can be suggested, and few enough to send with each request. */
const maxKnown = 500;

/** Reads a database with the tables of `migrations/`. */
export function sqlCatalogue(sql: SqlDb): Catalogue {
  const db = orm(sql);
  const title = text<string>`${courses.title}`;
  return {
    async check() {
      await db.select({ id: courses.id }).from(courses).limit(1);
    },
    async look(personId) {
      const [rows, ended] = await db.batch([
        db.select({ id: courses.id, title }).from(courses).where(isNotNull(courses.title))
          .orderBy(desc(courses.learners), desc(courses.id)).limit(maxKnown),
        db.all(text`SELECT 1 FROM ended_subjects WHERE subject = ${personId}`),
      ]);
      return { courses: rows, isGone: ended.length > 0 };
    },
  };
}
