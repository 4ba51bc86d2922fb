import type { EventTypes } from "@edgepass/contracts";
import type { SaidBy, State } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import { type CourseEvents, toNews } from "./events.ts";
import type { CourseStore } from "./store.ts";

type Said = SaidBy<EventTypes, "course">;

const published = "SELECT id, title FROM courses WHERE state = 'published'";

/** What is shown of people who teach: news count before what a course was made with. */
const instructors = `(
  SELECT id, disabled, coalesce(teaches, 1) AS teaches,
    teaches IS NOT NULL OR EXISTS (SELECT 1 FROM courses WHERE instructor_id = instructors.id)
      AS counts,
    coalesce(name, (SELECT instructor_name FROM courses WHERE instructor_id = instructors.id
      LIMIT 1)) AS name
  FROM instructors
  WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = instructors.id))`;

/** What is kept of each aspect: a query by subject, and whether a row of it is what is said. */
const kept = [
  {
    source: "auth",
    aspect: "roles",
    whole: false,
    query: `SELECT id, teaches FROM ${instructors} WHERE counts AND id > ? AND id <= ?`,
    agrees: ({ data }, [, teaches]) =>
      Roles.parse(data).roles.includes("instructor") === (teaches === 1),
  },
  {
    source: "auth",
    aspect: "access",
    whole: false,
    query: `SELECT id, disabled FROM ${instructors} WHERE id > ? AND id <= ?`,
    agrees: ({ type }, [, disabled]) => (type === "user.disabled") === (disabled === 1),
  },
  {
    source: "user",
    aspect: "profile",
    whole: false,
    query: `SELECT id, name FROM ${instructors} WHERE name IS NOT NULL AND id > ? AND id <= ?`,
    agrees: ({ data }, [, name]) => Named.parse(data).name === name,
  },
  {
    source: "enrollment",
    aspect: "progress",
    whole: true,
    query: `SELECT enrollment_id, course_id, completed FROM counted_enrollments
      WHERE enrollment_id > ? AND enrollment_id <= ?`,
    agrees: ({ type, data }, [, courseId, completed]) =>
      Enrolled.parse(data).courseId === courseId &&
      (type === "enrollment.completed") === (completed === 1),
  },
] satisfies readonly {
  readonly source: string;
  readonly aspect: string;
  readonly whole: boolean;
  readonly query: string;
  agrees(state: State, row: Row): boolean;
}[];

const Roles = z.object({ roles: z.array(z.string()) });
const Named = z.object({ name: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/** Lets course say its courses again, and tells what it keeps of people and enrollments. */
export function addStates(
  { states }: Pick<CourseEvents, "states">,
  sql: SqlDb,
  store: Pick<CourseStore, "find" | "remove">,
): void {
  states.says("course", {
    ending: "course.deleted",
    async remove(id) {
      const course = await store.find(id);
      if (course) await store.remove(course, toNews(course, undefined));
    },
    list: async ({ after, limit }) =>
      (await sql.run({
        sql: `${published} AND id > ? ORDER BY id LIMIT ?`,
        params: [after, limit],
      })).map(toSaid),
    find: async (ids) =>
      (await sql.run({
        sql: `${published} AND id IN (SELECT value FROM json_each(?))`,
        params: [JSON.stringify(ids)],
      })).map(toSaid),
  });
  for (const { source, aspect, whole, query, agrees } of kept) {
    states.keeps(source, aspect, {
      whole,
      list: async ({ after, until, limit }) =>
        (await sql.run({
          sql: `${query} ORDER BY 1 LIMIT ?`,
          params: [after, until, limit],
        })).map((row) => ({ subject: String(row[0]), row })),
      agrees: (state, { row }) => agrees(state, row),
    });
  }
}

function toSaid([id, title]: Row): Said {
  return { type: "course.published", subject: String(id), data: { title: String(title) } };
}
