import type { ServiceEvents } from "@edgepass/contracts";
import type { Changes } from "@edgepass/shared/events";
import { type Orm, orm, type SqlDb } from "@edgepass/shared/sql";
import { and, eq, type SQL, sql as text } from "drizzle-orm";
import * as z from "zod/mini";
import { toDomainEvent } from "./course.ts";
import { countedEnrollments, courses, type CourseStore, instructors } from "./store.ts";

/** The instructor name of a course whose instructor's account is closed. */
const formerInstructor = "Former instructor";

/**
 * The effects of other services' events, each as statements for the batch that records the event.
 */
export interface CourseProjection {
  rename(instructorId: string, name: string): Changes;
  setTeaching(instructorId: string, teaches: boolean): Changes;
  setDisabled(instructorId: string, disabled: boolean): Changes;
  /** Deletes the person's drafts; published courses stay for their learners, without the name. */
  deletePerson(instructorId: string): Changes;
  /** Counts an enrollment of a course, completed or not; once only. */
  count(
    enrollmentId: string,
    state: { readonly courseId: string; readonly completed: boolean },
  ): Changes;
  /** Removes a deleted enrollment from the counts. */
  discount(enrollmentId: string): Changes;
}

/** Applies events to a database with the tables of `migrations/`. */
export function sqlCourseProjection(sql: SqlDb): CourseProjection {
  const db = orm(sql);
  const put = (id: string, set: { teaches: number } | { disabled: number }) => [
    db.insert(instructors).values({ id, ...set })
      .onConflictDoUpdate({ target: instructors.id, set }),
  ];
  return {
    // Without a row nothing is stored: most people whose name changes do not teach.
    rename: (id, name) => [db.update(instructors).set({ name }).where(eq(instructors.id, id))],
    setTeaching: (id, teaches) => put(id, { teaches: teaches ? 1 : 0 }),
    setDisabled: (id, disabled) => put(id, { disabled: disabled ? 1 : 0 }),
    deletePerson: (id) => [
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

/** Removes an enrollment from whichever course it was counted for. */
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
 * Counts a course's enrollments, except one.
 *
 * Counted from the rows and not by addition, so that an earlier error is corrected. The course's
 * version stays: an event is no change of the owner's, and must not make one conflict.
 */
function recount(db: Orm, courseId: SQL, except = "") {
  const count = (condition: SQL) =>
    text`(SELECT count(*) FROM ${countedEnrollments} AS one WHERE one.course_id = ${courses.id}
      AND one.enrollment_id <> ${except} AND ${condition})`;
  return db.update(courses)
    .set({ learners: count(text`true`), completions: count(text`one.completed = 1`) })
    .where(text`${courses.id} = ${courseId}`);
}

/** The events of instructors and learners. */
export function courseHandlers(projection: CourseProjection): ServiceEvents<"course">["handlers"] {
  return {
    "user.profile-changed": ({ subject, data }) => projection.rename(subject, data.name),
    "user.roles-changed": ({ subject, data }) =>
      projection.setTeaching(subject, data.roles.includes("instructor")),
    "user.disabled": ({ subject }) => projection.setDisabled(subject, true),
    "user.enabled": ({ subject }) => projection.setDisabled(subject, false),
    "user.deleted": ({ subject }) => projection.deletePerson(subject),
    "enrollment.created": ({ subject, data }) =>
      projection.count(subject, { courseId: data.courseId, completed: false }),
    "enrollment.completed": ({ subject, data }) =>
      projection.count(subject, { courseId: data.courseId, completed: true }),
    "enrollment.deleted": ({ subject }) => projection.discount(subject),
  };
}

/** Projected instructors: events take precedence over the data that a course was created with. */
const instructorRows = `(
  SELECT id, disabled, coalesce(teaches, 1) AS teaches,
    teaches IS NOT NULL OR EXISTS (SELECT 1 FROM courses WHERE instructor_id = instructors.id)
      AS counts,
    coalesce(name, (SELECT instructor_name FROM courses WHERE instructor_id = instructors.id
      LIMIT 1)) AS name
  FROM instructors
  WHERE NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject = instructors.id))`;

const Roles = z.object({ roles: z.array(z.string()) });
const Named = z.object({ name: z.string() });
const Enrolled = z.object({ courseId: z.string() });

/** Its courses, which it can publish again, and its projections of people and enrollments. */
export function courseReconciliation(
  store: Pick<CourseStore, "find" | "remove">,
): ServiceEvents<"course">["reconciliation"] {
  return {
    publishes: {
      course: {
        query: "SELECT id, title FROM courses WHERE state = 'published'",
        toEvent: ([id, title]) => ({
          type: "course.published",
          subject: String(id),
          data: { title: String(title) },
        }),
        ending: "course.deleted",
        async remove(id) {
          const course = await store.find(id);
          if (course) await store.remove(course, toDomainEvent(course, undefined));
        },
      },
    },
    projects: [
      {
        source: "auth",
        facet: "roles",
        whole: false,
        query: `SELECT id, teaches FROM ${instructorRows} WHERE counts`,
        matches: ({ data }, [, teaches]) =>
          Roles.parse(data).roles.includes("instructor") === (teaches === 1),
      },
      {
        source: "auth",
        facet: "access",
        whole: false,
        query: `SELECT id, disabled FROM ${instructorRows}`,
        matches: ({ type }, [, disabled]) => (type === "user.disabled") === (disabled === 1),
      },
      {
        source: "user",
        facet: "profile",
        whole: false,
        query: `SELECT id, name FROM ${instructorRows} WHERE name IS NOT NULL`,
        matches: ({ data }, [, name]) => Named.parse(data).name === name,
      },
      {
        source: "enrollment",
        facet: "progress",
        whole: true,
        query: "SELECT enrollment_id AS id, course_id, completed FROM counted_enrollments",
        matches: ({ type, data }, [, courseId, completed]) =>
          Enrolled.parse(data).courseId === courseId &&
          (type === "enrollment.completed") === (completed === 1),
      },
    ],
  };
}
