import type { EventTypes } from "@edgepass/contracts";
import type { PublishedBy } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import type { EnrollmentEvents } from "./events.ts";
import type { EnrollmentStore } from "./store.ts";

type Published = PublishedBy<EventTypes, "enrollment">;

const enrollments =
  "SELECT id, course_id, first_completed_at IS NOT NULL FROM enrollments WHERE true";

/** Projected courses: the title from events, or else from enrollments. */
const courses = `SELECT id, title FROM (
    SELECT id, title FROM courses WHERE removed = 0
    UNION ALL
    SELECT course_id, max(course_title) FROM enrollments
    WHERE course_id NOT IN (SELECT id FROM courses) GROUP BY course_id
  ) AS known WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = known.id)`;

/**
 * Lets enrollment publish its enrollments again, and registers its projections of courses and
 * people.
 */
export function addReconciliation(
  { facets }: Pick<EnrollmentEvents, "facets">,
  sql: SqlDb,
  store: Pick<EnrollmentStore, "find" | "remove">,
): void {
  facets.publishes("progress", {
    ending: "enrollment.deleted",
    async remove(id) {
      const enrollment = await store.find(id);
      if (enrollment) await store.remove(enrollment);
    },
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${enrollments} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toPublished),
    find: async (ids) =>
      (await sql.run({
        sql: `${enrollments} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toPublished),
  });
  facets.projects("course", "course", {
    whole: true,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `${courses} AND id > ? AND id <= ? ORDER BY id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id, title]) => ({ subject: String(id), title: String(title) })),
    matches: ({ data }, { title }) => Titled.parse(data).title === title,
  });
  // Of people only the enrollments they began are stored: only their deletion makes a difference.
  facets.projects("auth", "registration", {
    whole: false,
    list: async ({ after, until, limit }) =>
      (await sql.run({
        sql: `SELECT DISTINCT learner_id FROM enrollments
          WHERE learner_id > ? AND learner_id <= ? ORDER BY learner_id LIMIT ?`,
        params: [after, until, limit],
      })).map(([id]) => ({ subject: String(id) })),
    matches: () => true,
  });
}

const Titled = z.object({ title: z.string() });

function toPublished([id, courseId, completed]: Row): Published {
  return {
    type: completed === 1 ? "enrollment.completed" : "enrollment.created",
    subject: String(id),
    data: { courseId: String(courseId) },
  };
}
