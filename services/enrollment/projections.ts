import type { Changes } from "@edgepass/shared/events";
import { type Orm, orm, type SqlDb } from "@edgepass/shared/sql";
import { and, eq, sql as text } from "drizzle-orm";
import type { EnrollmentEvents } from "./events.ts";
import { courses, enrollments } from "./store_tables.ts";

/**
 * The effects of other services' events, each as statements for the batch that records the event.
 */
export interface EnrollmentProjection {
  name(courseId: string, title: string): Changes;
  /** Learners keep their progress, and are shown that the course was removed. */
  remove(courseId: string, lastTitle?: string): Changes;
  /** Deletes a person's enrollments and progress, and publishes each deletion. */
  deletePerson(learnerId: string): Promise<Changes>;
}

/**
 * Applies events to a database with the tables of `migrations/`; the events this causes go to `outbox`.
 */
export function sqlEnrollmentProjection(
  sql: SqlDb,
  outbox: EnrollmentEvents["outbox"],
): EnrollmentProjection {
  const db = orm(sql);
  const put = (id: string, set: { title: string; removed?: number }) => [
    db.insert(courses).values({ id, ...set })
      .onConflictDoUpdate({ target: courses.id, set }),
  ];
  return {
    name: (id, title) => put(id, { title }),
    remove: (id, title) =>
      title === undefined ? removeUnnamed(db, id) : put(id, { title, removed: 1 }),
    async deletePerson(id) {
      const own = eq(enrollments.learnerId, id);
      const rows = await db.select({ id: enrollments.id }).from(enrollments).where(own);
      const subjects = rows.map((row) => row.id);
      const ids = text`(SELECT value FROM json_each(${JSON.stringify(subjects)}))`;
      return [
        db.delete(enrollments).where(and(own, text`${enrollments.id} IN ${ids}`)),
        ...outbox.addEach({ type: "enrollment.deleted", subjects, data: {} }),
        // The row was inserted in this batch. An enrollment that was not read has no deletion
        // event: if one is left, the whole batch fails and is retried.
        db.run(text`UPDATE ended_subjects SET ended_at = ended_at WHERE subject = ${id}
          AND NOT EXISTS (SELECT 1 FROM ${enrollments} WHERE ${own})`),
        db.requireOneChange(),
      ];
    },
  };
}

/** A deleted course without a title in its event: its learners keep the title they have. */
function removeUnnamed(db: Orm, id: string) {
  return [
    db.run(text`INSERT INTO courses (id, title, removed)
      SELECT course_id, course_title, 1 FROM enrollments WHERE course_id = ${id} LIMIT 1
      ON CONFLICT (id) DO NOTHING`),
    db.update(courses).set({ removed: 1 }).where(eq(courses.id, id)),
  ];
}
