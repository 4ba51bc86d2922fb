import type { Changes } from "@edgepass/shared/events";
import type { SqlDb } from "@edgepass/shared/sql";
import { orm } from "@edgepass/shared/sql/orm";
import { eq } from "drizzle-orm";
import { courses, enrollments } from "./store_tables.ts";

/** What news of other services changes here, each as statements for the batch that notes them. */
export interface EnrollmentNews {
  name(courseId: string, title: string): Changes;
  /** Learners keep what they did; they are shown that the course is gone. */
  remove(courseId: string, lastTitle: string): Changes;
  /** A person's enrollments and progress go with them. */
  forget(learnerId: string): Changes;
}

/** Puts news into a database with the tables of `migrations/`. */
export function sqlEnrollmentNews(sql: SqlDb): EnrollmentNews {
  const db = orm(sql);
  const put = (id: string, set: { title: string; removed?: number }) => [
    db.insert(courses).values({ id, ...set })
      .onConflictDoUpdate({ target: courses.id, set }),
  ];
  return {
    name: (id, title) => put(id, { title }),
    remove: (id, title) => put(id, { title, removed: 1 }),
    forget: (id) => [db.delete(enrollments).where(eq(enrollments.learnerId, id))],
  };
}
