import type { Changes } from "@edgepass/shared/events";
import { deleteStoredResponses } from "@edgepass/shared/sql/answers";
import type { SqlDb } from "@edgepass/shared/sql";
import { type Orm, orm } from "@edgepass/shared/sql/orm";
import { and, eq, type SQL, sql as text } from "drizzle-orm";
import { countedEnrollments, courses, instructors } from "./store_tables.ts";

/** Who a course is by when its instructor is nobody any more. */
const formerInstructor = "Former instructor";

/** What news of other services changes here, each as statements for the batch that notes them. */
export interface CourseProjection {
  rename(instructorId: string, name: string): Changes;
  setTeaching(instructorId: string, teaches: boolean): Changes;
  setDisabled(instructorId: string, disabled: boolean): Changes;
  /** Drafts go with the person; published courses stay for those who learn, under no name. */
  forget(instructorId: string): Changes;
  /** An enrollment is in a course, and has come to its end or not; it counts once. */
  count(
    enrollmentId: string,
    state: { readonly courseId: string; readonly completed: boolean },
  ): Changes;
  /** An enrollment is no more. */
  discount(enrollmentId: string): Changes;
}

/** Puts news into a database with the tables of `migrations/`. */
export function sqlCourseProjection(sql: SqlDb): CourseProjection {
  const db = orm(sql);
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
      deleteStoredResponses(db, id),
      db.delete(courses).where(and(eq(courses.instructorId, id), eq(courses.state, "draft"))),
      db.update(courses).set({ instructorName: formerInstructor })
        .where(eq(courses.instructorId, id)),
      db.delete(instructors).where(eq(instructors.id, id)),
      db.run(text`INSERT INTO instructors (id, teaches)
        SELECT ${id}, 0 WHERE EXISTS (SELECT 1 FROM courses WHERE instructor_id = ${id})`),
    ],
    count: (enrollmentId, { courseId, completed }) => {
      const set = { courseId, completed: completed ? 1 : 0 };
      return [
        ...discount(db, enrollmentId),
        db.insert(countedEnrollments).values({ enrollmentId, ...set }),
        recount(db, text`${courseId}`),
      ];
    },
    discount: (enrollmentId) => discount(db, enrollmentId),
  };
}

/** Takes an enrollment off the course it was counted for, whichever that was. */
function discount(db: Orm, enrollmentId: string) {
  const { courseId: column } = countedEnrollments;
  const isIt = eq(countedEnrollments.enrollmentId, enrollmentId);
  const counted = text`(SELECT ${column} FROM ${countedEnrollments} WHERE ${isIt})`;
  return [
    recount(db, counted, enrollmentId),
    db.delete(countedEnrollments).where(isIt),
  ];
}

/**
 * Counts a course's enrollments, but for one.
 *
 * From the rows and not by adding, so that whatever was wrong is right again. Never through a
 * course's version: news are no change of the owner's, and spoil none.
 */
function recount(db: Orm, courseId: SQL, except = "") {
  const count = (condition: SQL) =>
    text`(SELECT count(*) FROM ${countedEnrollments} AS one WHERE one.course_id = ${courses.id}
      AND one.enrollment_id <> ${except} AND ${condition})`;
  return db.update(courses)
    .set({ learners: count(text`true`), completions: count(text`one.completed = 1`) })
    .where(text`${courses.id} = ${courseId}`);
}
