import type { ServiceEvents } from "@edgepass/contracts";
import { isNotDeleted } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import {
  isDone,
  type Orm,
  orm,
  type SqlDb,
  UniqueViolation,
  VersionConflict,
} from "@edgepass/shared/sql";
import { and, asc, desc, eq, getTableColumns, inArray, sql as text } from "drizzle-orm";
import { integer, primaryKey, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";
import {
  type EnrollmentRecord,
  type ProgressEvent,
  progressOf,
  toDomainEvent,
} from "./enrollment.ts";
import type { PagePosition } from "./schema.ts";

/** The outbox of enrollment's events. */
export type EnrollmentOutbox = ServiceEvents<"enrollment">["outbox"];

/** One row for each enrollment. */
export const enrollments = sqliteTable("enrollments", {
  id: textColumn("id").primaryKey(),
  learnerId: textColumn("learner_id").notNull(),
  courseId: textColumn("course_id").notNull(),
  courseTitle: textColumn("course_title").notNull(),
  lessonIds: textColumn("lesson_ids", { mode: "json" }).$type<string[]>().notNull(),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  completedAt: integer("completed_at"),
  firstCompletedAt: integer("first_completed_at"),
});

/** One row for each completed lesson. */
export const completions = sqliteTable("completions", {
  enrollmentId: textColumn("enrollment_id").notNull(),
  lessonId: textColumn("lesson_id").notNull(),
  completedAt: integer("completed_at").notNull(),
}, (table) => [primaryKey({ columns: [table.enrollmentId, table.lessonId] })]);

/** Courses, from events of course. */
export const courses = sqliteTable("courses", {
  id: textColumn("id").primaryKey(),
  title: textColumn("title").notNull(),
  removed: integer("removed").notNull().default(0),
});

export interface PageRequest {
  readonly limit: number;
  readonly after?: PagePosition | undefined;
}

export interface EnrollmentPage {
  readonly items: readonly EnrollmentRecord[];
  readonly next: PagePosition | undefined;
}

/** The store of enrollments. A change and its event are one batch; readers never see part of it. */
export interface EnrollmentStore {
  /** Fails when the database is down, or lacks its tables. */
  check(): Promise<void>;
  /** Everything that enrollment stores about a person. */
  readExport(personId: string): Promise<Export>;
  find(id: string): Promise<EnrollmentRecord | undefined>;
  /** One learner's enrollments, newest first. */
  page(learnerId: string, request: PageRequest): Promise<EnrollmentPage>;
  /**
   * `gone`: course or learner was deleted meanwhile; `enrolled`: the learner is enrolled already.
   */
  insert(enrollment: EnrollmentRecord): Promise<"done" | "enrolled" | "gone">;
  /** Replaces `before` by `after`; false when a concurrent writer was first. */
  save(before: EnrollmentRecord, after: EnrollmentRecord, now: number): Promise<boolean>;
  /** False when it was deleted already. */
  remove(enrollment: EnrollmentRecord): Promise<boolean>;
}

/**
 * The columns of an enrollment; events of its course take precedence over the data it was created
 * with.
 */
const current = {
  ...getTableColumns(enrollments),
  courseTitle: text<string>`coalesce(${courses.title}, ${enrollments.courseTitle})`,
  courseState: text<EnrollmentRecord["courseState"]>`CASE ${courses.removed}
    WHEN 1 THEN 'removed' ELSE 'published' END`,
  completed: text`(SELECT json_group_array(one.lesson_id) FROM completions AS one
    WHERE one.enrollment_id = enrollments.id)`.mapWith(readIds),
};

/**
 * Stores enrollments in a database with the tables of `migrations/`; their events go to `outbox`.
 */
export function sqlEnrollmentStore(
  sql: SqlDb,
  outbox: EnrollmentOutbox,
): EnrollmentStore {
  const db = orm(sql);
  const eventItems = (type: ProgressEvent, { id, courseId }: EnrollmentRecord) =>
    outbox.add({ type, subject: id, data: { courseId } });
  return {
    async check() {
      await db.select({ id: enrollments.id }).from(enrollments).limit(1);
    },
    async find(id) {
      const [row] = await selectCurrent(db).where(eq(enrollments.id, id));
      return row;
    },
    readExport: (personId) => readEnrollmentExport(db, outbox, personId),
    page: (learnerId, request) => readPage(db, learnerId, request),
    async insert(enrollment) {
      try {
        await db.batch([
          ...insertion(db, enrollment),
          ...eventItems("enrollment.created", enrollment),
        ]);
        return "done";
      } catch (error) {
        if (error instanceof UniqueViolation) return "enrolled";
        if (error instanceof VersionConflict) return "gone";
        throw error;
      }
    },
    save: (before, after, now) =>
      isDone(db.batch([
        ...changesBetween(db, before, after, now),
        ...toDomainEvent(before, after).flatMap((type) => eventItems(type, after)),
      ])),
    async remove({ id }) {
      return await isDone(db.batch([
        db.delete(enrollments).where(eq(enrollments.id, id)),
        db.requireOneChange(),
        ...outbox.add({ type: "enrollment.deleted", subject: id, data: {} }),
      ]));
    },
  };
}

function selectCurrent(db: Orm) {
  return db.select(current).from(enrollments).leftJoin(
    courses,
    eq(courses.id, enrollments.courseId),
  );
}

/**
 * No further events follow for a deleted course or learner: an enrollment created after it would
 * never be deleted.
 */
function insertion(db: Orm, enrollment: EnrollmentRecord) {
  const { id, learnerId, courseId, version } = enrollment;
  return [
    db.insert(enrollments).values(toRow(enrollment)),
    db.update(enrollments).set({ version }).where(and(
      eq(enrollments.id, id),
      isNotDeleted(learnerId, courseId),
    )),
    db.requireOneChange(),
  ] as const;
}

async function readPage(
  db: Orm,
  learnerId: string,
  { limit, after }: PageRequest,
): Promise<EnrollmentPage> {
  const rows = await selectCurrent(db).where(and(
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

function toRow(
  { completed: _completed, courseState: _courseState, lessonIds, ...enrollment }: EnrollmentRecord,
) {
  return { ...enrollment, lessonIds: [...lessonIds] };
}

/** SQLite itself built this array, from a column that holds only texts. */
function readIds(json: string): string[] {
  return JSON.parse(json) as string[];
}

/** Everything that enrollment itself stores about a person. */
async function readEnrollmentExport(
  db: Orm,
  outbox: EnrollmentOutbox,
  learnerId: string,
): Promise<Export> {
  const own = eq(enrollments.learnerId, learnerId);
  const ownIds = db.select({ id: enrollments.id }).from(enrollments).where(own);
  const [rows, marks] = await db.batch([
    db.select().from(enrollments).where(own).orderBy(asc(enrollments.id)),
    db.select().from(completions).where(inArray(completions.enrollmentId, ownIds))
      .orderBy(asc(completions.completedAt), asc(completions.lessonId)),
  ]);
  const marksOf = Map.groupBy(marks, ({ enrollmentId }) => enrollmentId);
  return {
    enrollments: rows.map((row) => toExported(row, marksOf.get(row.id) ?? [])),
    events: await outbox.readPublished(rows.map(({ id }) => id)),
  };
}

function toExported(
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
