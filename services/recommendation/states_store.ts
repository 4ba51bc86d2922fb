import type { State } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import type { RecommendationEvents } from "./events.ts";

/** What is kept of each aspect: a query by subject, and whether a row of it is what is said. */
const kept = [
  {
    source: "course",
    aspect: "course",
    query: "SELECT id, title FROM courses WHERE title IS NOT NULL AND id > ? AND id <= ?",
    agrees: ({ data }, [, title]) => Titled.parse(data).title === title,
  },
  {
    source: "enrollment",
    aspect: "progress",
    query: `SELECT enrollment_id, course_id FROM counted_enrollments
      WHERE enrollment_id > ? AND enrollment_id <= ?`,
    agrees: ({ data }, [, courseId]) => Enrolled.parse(data).courseId === courseId,
  },
] satisfies readonly {
  readonly source: string;
  readonly aspect: string;
  readonly query: string;
  agrees(state: State, row: Row): boolean;
}[];

const Titled = z.object({ title: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/** Tells what recommendation keeps of courses and enrollments, which is all of them. */
export function addStates({ states }: Pick<RecommendationEvents, "states">, sql: SqlDb): void {
  for (const { source, aspect, query, agrees } of kept) {
    states.keeps(source, aspect, {
      whole: true,
      list: async ({ after, until, limit }) =>
        (await sql.run({
          sql: `${query} ORDER BY 1 LIMIT ?`,
          params: [after, until, limit],
        })).map((row) => ({ subject: String(row[0]), row })),
      agrees: (state, { row }) => agrees(state, row),
    });
  }
}
