import type { ServiceEvents } from "@edgepass/contracts";
import type { Changes } from "@edgepass/shared/events";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { eq, sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { countedEnrollments, courses } from "./store.ts";

/**
 * The effects of other services' events, each as statements for the batch that records the event.
 */
export interface RecommendationProjection {
  name(courseId: string, title: string): Changes;
  remove(courseId: string): Changes;
  /** Counts an enrollment once, however often its event is delivered. */
  countLearner(enrollmentId: string, courseId: string): Changes;
  /** Removes an enrollment from the count; one that was never counted changes nothing. */
  uncountLearner(enrollmentId: string): Changes;
}

/** Applies events to a database with the tables of `migrations/`. */
export function sqlRecommendationProjection(sql: SqlDb): RecommendationProjection {
  const db = orm(sql);
  return {
    name: (id, title) => [
      db.insert(courses).values({ id, title })
        .onConflictDoUpdate({ target: courses.id, set: { title } }),
    ],
    remove: (id) => [
      db.delete(courses).where(eq(courses.id, id)),
      db.delete(countedEnrollments).where(eq(countedEnrollments.courseId, id)),
    ],
    countLearner: (enrollmentId, courseId) => [
      // A deleted course must not get a row here: nothing would delete it again.
      db.run(text`INSERT INTO counted_enrollments (enrollment_id, course_id)
        SELECT ${enrollmentId}, ${courseId}
        WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = ${courseId})
        ON CONFLICT DO NOTHING`),
      db.run(text`INSERT INTO courses (id, learners) SELECT ${courseId}, 1 WHERE changes() > 0
        ON CONFLICT (id) DO UPDATE SET learners = learners + 1`),
    ],
    uncountLearner: (enrollmentId) => [
      db.run(text`UPDATE courses SET learners = learners - 1 WHERE id =
        (SELECT course_id FROM counted_enrollments WHERE enrollment_id = ${enrollmentId})`),
      db.delete(countedEnrollments).where(eq(countedEnrollments.enrollmentId, enrollmentId)),
    ],
  };
}

/** The events of courses, of enrollments, and of deleted people. */
export function recommendationHandlers(
  projection: RecommendationProjection,
  eraseStored: (personId: string) => Promise<void>,
): ServiceEvents<"recommendation">["handlers"] {
  return {
    "course.published": ({ subject, data }) => projection.name(subject, data.title),
    "course.changed": ({ subject, data }) => projection.name(subject, data.title),
    "course.deleted": ({ subject }) => projection.remove(subject),
    "enrollment.created": ({ subject, data }) => projection.countLearner(subject, data.courseId),
    "enrollment.completed": ({ subject, data }) => projection.countLearner(subject, data.courseId),
    "enrollment.deleted": ({ subject }) => projection.uncountLearner(subject),
    async "user.deleted"({ subject }) {
      // A person's stored suggestions are outside of the database; a second erasure is harmless.
      await eraseStored(subject);
      return [];
    },
  };
}

const Titled = z.object({ title: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/** Its projections of courses and enrollments, which are all that recommendation has. */
export const recommendationReconciliation: ServiceEvents<"recommendation">["reconciliation"] = {
  projects: [
    {
      source: "course",
      facet: "course",
      whole: true,
      query: "SELECT id, title FROM courses WHERE title IS NOT NULL",
      matches: ({ data }, [, title]) => Titled.parse(data).title === title,
    },
    {
      source: "enrollment",
      facet: "progress",
      whole: true,
      query: "SELECT enrollment_id AS id, course_id FROM counted_enrollments",
      matches: ({ data }, [, courseId]) => Enrolled.parse(data).courseId === courseId,
    },
  ],
};
