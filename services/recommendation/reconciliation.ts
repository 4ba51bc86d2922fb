import type { State } from "@edgepass/shared/events";
import type { Row, SqlDb } from "@edgepass/shared/sql";
import * as z from "zod/mini";
import type { RecommendationEvents } from "./events.ts";

/**
 * What is projected of each facet: a query by subject, and whether a row matches what was
 * published.
 */
const projected = [
  {
    source: "course",
    facet: "course",
    query: "SELECT id, title FROM courses WHERE title IS NOT NULL AND id > ? AND id <= ?",
    matches: ({ data }, [, title]) => Titled.parse(data).title === title,
  },
  {
    source: "enrollment",
    facet: "progress",
    query: `SELECT enrollment_id, course_id FROM counted_enrollments
      WHERE enrollment_id > ? AND enrollment_id <= ?`,
    matches: ({ data }, [, courseId]) => Enrolled.parse(data).courseId === courseId,
  },
] satisfies readonly {
  readonly source: string;
  readonly facet: string;
  readonly query: string;
  matches(state: State, row: Row): boolean;
}[];

const Titled = z.object({ title: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/** Registers the projections of courses and enrollments, which are all that recommendation has. */
export function addReconciliation(
  { facets }: Pick<RecommendationEvents, "facets">,
  sql: SqlDb,
): void {
  for (const { source, facet, query, matches } of projected) {
    facets.projects(source, facet, {
      whole: true,
      list: async ({ after, until, limit }) =>
        (await sql.run({
          sql: `${query} ORDER BY 1 LIMIT ?`,
          params: [after, until, limit],
        })).map((row) => ({ subject: String(row[0]), row })),
      matches: (state, { row }) => matches(state, row),
    });
  }
}
