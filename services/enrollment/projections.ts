import type { ServiceEvents } from "@edgepass/contracts";
import type { Changes } from "@edgepass/shared/events";
import { type Orm, orm, type SqlDb } from "@edgepass/shared/sql";
import { and, eq, sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { courses, type EnrollmentOutbox, enrollments, type EnrollmentStore } from "./store.ts";

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
  outbox: EnrollmentOutbox,
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

/** The events of the courses it shows, and of deleted people. */
export function enrollmentHandlers(
  projection: EnrollmentProjection,
): ServiceEvents<"enrollment">["handlers"] {
  return {
    "course.published": ({ subject, data }) => projection.name(subject, data.title),
    "course.changed": ({ subject, data }) => projection.name(subject, data.title),
    "course.deleted": ({ subject, data }) => projection.remove(subject, data.title),
    "user.deleted": ({ subject }) => projection.deletePerson(subject),
  };
}

/** Projected courses: the title from events, or else from enrollments. */
const courseRows = `SELECT id, title FROM (
    SELECT id, title FROM courses WHERE removed = 0
    UNION ALL
    SELECT course_id, max(course_title) FROM enrollments
    WHERE course_id NOT IN (SELECT id FROM courses) GROUP BY course_id
  ) AS known WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = known.id)`;

const Titled = z.object({ title: z.string() });

/** Its enrollments, which it can publish again, and its projections of courses and people. */
export function enrollmentReconciliation(
  store: Pick<EnrollmentStore, "find" | "remove">,
): ServiceEvents<"enrollment">["reconciliation"] {
  return {
    publishes: {
      progress: {
        query: "SELECT id, course_id, first_completed_at IS NOT NULL FROM enrollments",
        toEvent: ([id, courseId, completed]) => ({
          type: completed === 1 ? "enrollment.completed" : "enrollment.created",
          subject: String(id),
          data: { courseId: String(courseId) },
        }),
        ending: "enrollment.deleted",
        async remove(id) {
          const enrollment = await store.find(id);
          if (enrollment) await store.remove(enrollment);
        },
      },
    },
    projects: [
      {
        source: "course",
        facet: "course",
        whole: true,
        query: courseRows,
        matches: ({ data }, [, title]) => Titled.parse(data).title === title,
      },
      // Of people only the enrollments they began are stored: only their deletion makes a
      // difference.
      {
        source: "auth",
        facet: "registration",
        whole: false,
        // Auth knows no account of another issuer's person: a repair would delete their enrollments.
        query: "SELECT DISTINCT learner_id AS id FROM enrollments WHERE instr(learner_id, ':') = 0",
      },
    ],
  };
}
