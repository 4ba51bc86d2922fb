import type { Changes } from "@edgepass/shared/events";
import type { SqlDb } from "@edgepass/shared/sql";
import { orm } from "@edgepass/shared/sql/orm";
import { and, eq, sql as text } from "drizzle-orm";
import { courses, instructors } from "./store_tables.ts";

/** Who a course is by when its instructor is nobody any more. */
const formerInstructor = "Former instructor";

/** What news of other services changes here, each as statements for the batch that notes them. */
export interface CourseNews {
  rename(instructorId: string, name: string): Changes;
  setTeaching(instructorId: string, teaches: boolean): Changes;
  setDisabled(instructorId: string, disabled: boolean): Changes;
  /** Drafts go with the person; published courses stay for those who learn, under no name. */
  forget(instructorId: string): Changes;
  countLearner(courseId: string): Changes;
  countCompletion(courseId: string): Changes;
}

/** Puts news into a database with the tables of `migrations/`. */
export function sqlCourseNews(sql: SqlDb): CourseNews {
  const db = orm(sql);
  // Never through a course's version: news are no change of the owner's, and spoil none.
  const count = (courseId: string, column: "learners" | "completions") => [
    db.update(courses).set({ [column]: text`${courses[column]} + 1` })
      .where(eq(courses.id, courseId)),
  ];
  const put = (id: string, set: { teaches: number } | { disabled: number }) => [
    db.insert(instructors).values({ id, ...set })
      .onConflictDoUpdate({ target: instructors.id, set }),
  ];
  return {
    // No row, no name: most people whose name changes teach nothing, and are nobody here.
    rename: (id, name) => [db.update(instructors).set({ name }).where(eq(instructors.id, id))],
    setTeaching: (id, teaches) => put(id, { teaches: teaches ? 1 : 0 }),
    setDisabled: (id, disabled) => put(id, { disabled: disabled ? 1 : 0 }),
    forget: (id) => [
      db.delete(courses).where(and(eq(courses.instructorId, id), eq(courses.state, "draft"))),
      db.update(courses).set({ instructorName: formerInstructor })
        .where(eq(courses.instructorId, id)),
      db.delete(instructors).where(eq(instructors.id, id)),
      db.run(text`INSERT INTO instructors (id, teaches)
        SELECT ${id}, 0 WHERE EXISTS (SELECT 1 FROM courses WHERE instructor_id = ${id})`),
    ],
    countLearner: (courseId) => count(courseId, "learners"),
    countCompletion: (courseId) => count(courseId, "completions"),
  };
}
