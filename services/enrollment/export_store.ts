import { readPublished } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { asc, eq, inArray } from "drizzle-orm";
import { progressOf } from "./enrollment.ts";
import { completions, enrollments } from "./store_tables.ts";

/** Everything that enrollment itself stores about a person. */
export async function readEnrollmentExport(sql: SqlDb, learnerId: string): Promise<Export> {
  const db = orm(sql);
  const own = eq(enrollments.learnerId, learnerId);
  const ownIds = db.select({ id: enrollments.id }).from(enrollments).where(own);
  const [rows, marks] = await db.batch([
    db.select().from(enrollments).where(own).orderBy(asc(enrollments.id)),
    db.select().from(completions).where(inArray(completions.enrollmentId, ownIds))
      .orderBy(asc(completions.completedAt), asc(completions.lessonId)),
  ]);
  const marksOf = Map.groupBy(marks, ({ enrollmentId }) => enrollmentId);
  return {
    enrollments: rows.map((row) => toEnrollment(row, marksOf.get(row.id) ?? [])),
    events: await readPublished(sql, rows.map(({ id }) => id)),
  };
}

function toEnrollment(
  { id, courseId, courseTitle, lessonIds, ...times }: typeof enrollments.$inferSelect,
  marks: readonly (typeof completions.$inferSelect)[],
) {
  const completed = marks.map(({ lessonId }) => lessonId);
  return {
    id,
    course: { id: courseId, title: courseTitle },
    progress: progressOf({ lessonIds, completed }),
    completedLessons: marks.map(({ lessonId, completedAt }) => (
      { id: lessonId, completedAt: toTime(completedAt) }
    )),
    createdAt: toTime(times.createdAt),
    completedAt: toTime(times.completedAt),
    firstCompletedAt: toTime(times.firstCompletedAt),
  };
}
