import type { EventTypes } from "@edgepass/contracts";
import type { PublishedBy, State } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import { type CourseEvents, toDomainEvent } from "./events.ts";
import type { CourseStore } from "./store.ts";

type Published = PublishedBy<EventTypes, "course">;

const published = "SELECT id, title FROM courses WHERE state = 'published'";

/** Projected instructors: events take precedence over the data that a course was created with. */
const instructors = `(
  SELECT id, disabled, coalesce(teaches, 1) AS teaches,
    teaches IS NOT NULL OR EXISTS (SELECT 1 FROM courses WHERE instructor_id = instructors.id)
      AS counts,
    coalesce(name, (SELECT instructor_name FROM courses WHERE instructor_id = instructors.id
      LIMIT 1)) AS name
  FROM instructors
  WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = instructors.id))`;

/**
 * What is projected of each facet: a query by subject, and whether a row matches what was
 * published.
 */
const projected = [
  {
    source: "auth",
    facet: "roles",
    whole: false,
    query: `SELECT id, teaches FROM ${instructors} WHERE counts AND id > ? AND id <= ?`,
    matches: ({ data }, [, teaches]) =>
      Roles.parse(data).roles.includes("instructor") === (teaches === 1),
  },
  {
    source: "auth",
    facet: "access",
    whole: false,
    query: `SELECT id, disabled FROM ${instructors} WHERE id > ? AND id <= ?`,
    matches: ({ type }, [, disabled]) => (type === "user.disabled") === (disabled === 1),
  },
  {
    source: "user",
    facet: "profile",
    whole: false,
    query: `SELECT id, name FROM ${instructors} WHERE name IS NOT NULL AND id > ? AND id <= ?`,
    matches: ({ data }, [, name]) => Named.parse(data).name === name,
  },
  {
    source: "enrollment",
    facet: "progress",
    whole: true,
    query: `SELECT enrollment_id, course_id, completed FROM counted_enrollments
      WHERE enrollment_id > ? AND enrollment_id <= ?`,
    matches: ({ type, data }, [, courseId, completed]) =>
      Enrolled.parse(data).courseId === courseId &&
      (type === "enrollment.completed") === (completed === 1),
  },
] satisfies readonly {
  readonly source: string;
  readonly facet: string;
  readonly whole: boolean;
  readonly query: string;
  matches(state: State, row: Row): boolean;
}[];

const Roles = z.object({ roles: z.array(z.string()) });
const Named = z.object({ name: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/**
 * Lets course publish its courses again, and registers its projections of people and enrollments.
 */
export function addReconciliation(
  { facets }: Pick<CourseEvents, "facets">,
  sql: SqlDb,
  store: Pick<CourseStore, "find" | "remove">,
): void {
  facets.publishes("course", {
    ending: "course.deleted",
    async remove(id) {
      const course = await store.find(id);
      if (course) await store.remove(course, toDomainEvent(course, undefined));
    },
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${published} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toPublished),
    find: async (ids) =>
      (await sql.run({
        sql: `${published} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toPublished),
  });
  for (const { source, facet, whole, query, matches } of projected) {
    facets.projects(source, facet, {
      whole,
      list: async ({ after, until, limit }) =>
        (await sql.run({
          sql: `${query} ORDER BY 1 LIMIT ?`,
          params: [after, until, limit],
        })).map((row) => ({ subject: String(row[0]), row })),
      matches: (state, { row }) => matches(state, row),
    });
  }
}

function toPublished([id, title]: Row): Published {
  return { type: "course.published", subject: String(id), data: { title: String(title) } };
}
