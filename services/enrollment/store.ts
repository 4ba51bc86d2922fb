import { isDone, type SqlDb, UniqueViolation } from "@edgepass/shared/sql";
import { type Orm, orm } from "@edgepass/shared/sql/orm";
import { and, desc, eq, getTableColumns, sql as text } from "drizzle-orm";
import { integer, primaryKey, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";
import type { EnrollmentRecord } from "./enrollment.ts";
import type { PagePosition } from "./schema.ts";

export interface PageRequest {
  readonly limit: number;
  readonly after?: PagePosition | undefined;
}

export interface EnrollmentPage {
  readonly items: readonly EnrollmentRecord[];
  readonly next: PagePosition | undefined;
}

/** Where enrollments are kept. A change is one batch; part of it is never seen. */
export interface EnrollmentStore {
  /** Fails when the database is away, or lacks its tables. */
  check(): Promise<void>;
  find(id: string): Promise<EnrollmentRecord | undefined>;
  /** One learner's enrollments, newest first. */
  page(learnerId: string, request: PageRequest): Promise<EnrollmentPage>;
  /** False when the learner is enrolled in the course already. */
  insert(enrollment: EnrollmentRecord): Promise<boolean>;
  /** Puts `after` in the place of `before`; false when somebody else was first. */
  save(before: EnrollmentRecord, after: EnrollmentRecord, now: number): Promise<boolean>;
  /** False when it was gone already. */
  remove(enrollment: EnrollmentRecord): Promise<boolean>;
}

const enrollments = sqliteTable("enrollments", {
  id: textColumn("id").primaryKey(),
  learnerId: textColumn("learner_id").notNull(),
  courseId: textColumn("course_id").notNull(),
  courseTitle: textColumn("course_title").notNull(),
  lessonIds: textColumn("lesson_ids", { mode: "json" }).$type<string[]>().notNull(),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  completedAt: integer("completed_at"),
});

const completions = sqliteTable("completions", {
  enrollmentId: textColumn("enrollment_id").notNull(),
  lessonId: textColumn("lesson_id").notNull(),
  completedAt: integer("completed_at").notNull(),
}, (table) => [primaryKey({ columns: [table.enrollmentId, table.lessonId] })]);

// The columns are spelled out: drizzle drops the table's name from columns in a select of one
// table, and a bare `id` could then be the inner table's.
const withCompleted = {
  ...getTableColumns(enrollments),
  completed: text`(SELECT json_group_array(one.lesson_id) FROM completions AS one
    WHERE one.enrollment_id = enrollments.id)`.mapWith(readIds),
};

/** Keeps enrollments in a database with the tables of `migrations/`. */
export function sqlEnrollmentStore(sql: SqlDb): EnrollmentStore {
  const db = orm(sql);
  return {
    async check() {
      await db.select({ id: enrollments.id }).from(enrollments).limit(1);
    },
    async find(id) {
      const [row] = await db.select(withCompleted).from(enrollments).where(eq(enrollments.id, id));
      return row;
    },
    page: (learnerId, request) => readPage(db, learnerId, request),
    async insert(enrollment) {
      return await isDone(db.insert(enrollments).values(toRow(enrollment)), UniqueViolation);
    },
    save: (before, after, now) => isDone(db.batch(changesBetween(db, before, after, now))),
    async remove({ id }) {
      return await isDone(db.batch([
        db.delete(enrollments).where(eq(enrollments.id, id)),
        db.requireOneChange(),
      ]));
    },
  };
}

async function readPage(
  db: Orm,
  learnerId: string,
  { limit, after }: PageRequest,
): Promise<EnrollmentPage> {
  const rows = await db.select(withCompleted).from(enrollments).where(and(
    eq(enrollments.learnerId, learnerId),
    after && text`(${enrollments.createdAt}, ${enrollments.id}) < (${after.at}, ${after.id})`,
  )).orderBy(desc(enrollments.createdAt), desc(enrollments.id)).limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  return { items, next: last && { at: last.createdAt, id: last.id } };
}

function changesBetween(db: Orm, before: EnrollmentRecord, after: EnrollmentRecord, now: number) {
  const { added, removed } = compare(before.completed, after.completed);
  const completion = (lessonId: string) =>
    and(eq(completions.enrollmentId, after.id), eq(completions.lessonId, lessonId));
  return [
    db.update(enrollments).set(toRow(after))
      .where(and(eq(enrollments.id, before.id), eq(enrollments.version, before.version))),
    db.requireOneChange(),
    ...added.map((lessonId) =>
      db.insert(completions).values({ enrollmentId: after.id, lessonId, completedAt: now })
    ),
    ...removed.map((lessonId) => db.delete(completions).where(completion(lessonId))),
  ] as const;
}

function compare(before: readonly string[], after: readonly string[]) {
  const [had, has] = [new Set(before), new Set(after)];
  return { added: [...has.difference(had)], removed: [...had.difference(has)] };
}

function toRow({ completed: _completed, lessonIds, ...enrollment }: EnrollmentRecord) {
  return { ...enrollment, lessonIds: [...lessonIds] };
}

/** SQLite itself wrote this array, of a column that holds nothing but texts. */
function readIds(json: string): string[] {
  return JSON.parse(json) as string[];
}
