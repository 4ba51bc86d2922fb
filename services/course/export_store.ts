import { readPublished } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import { orm, type SqlDb } from "@edgepass/shared/sql";
import { asc, eq, inArray } from "drizzle-orm";
import { courses, instructors, lessons } from "./store_tables.ts";

/** Everything that course stores about a person: their courses, and projections of them. */
export async function readCourseExport(sql: SqlDb, id: string): Promise<Export> {
  const db = orm(sql);
  const own = eq(courses.instructorId, id);
  const ownIds = db.select({ id: courses.id }).from(courses).where(own);
  const [taught, contents, [projected]] = await db.batch([
    db.select().from(courses).where(own).orderBy(asc(courses.id)),
    db.select().from(lessons).where(inArray(lessons.courseId, ownIds))
      .orderBy(asc(lessons.courseId), asc(lessons.position)),
    db.select().from(instructors).where(eq(instructors.id, id)),
  ]);
  const lessonsOf = Map.groupBy(contents, ({ courseId }) => courseId);
  return {
    courses: taught.map((course) => ({
      ...toCourse(course),
      lessons: (lessonsOf.get(course.id) ?? []).map(({ id, title, content }) => (
        { id, title, content }
      )),
    })),
    instructor: projected
      ? {
        name: projected.name,
        teaches: projected.teaches === null ? null : projected.teaches === 1,
        disabled: projected.disabled === 1,
      }
      : null,
    events: await readPublished(sql, [id, ...taught.map((course) => course.id)]),
  };
}

function toCourse(course: typeof courses.$inferSelect) {
  const { id, instructorName, title, summary, tags, state, learners, completions } = course;
  return {
    id,
    title,
    summary,
    tags,
    state,
    instructorName,
    learners,
    completions,
    createdAt: toTime(course.createdAt),
    updatedAt: toTime(course.updatedAt),
    publishedAt: toTime(course.publishedAt),
  };
}
