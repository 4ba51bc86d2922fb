import { isNotDeleted } from "@edgepass/shared/events";
import type { Export } from "@edgepass/shared/http";
import {
  isDone,
  type Orm,
  orm,
  type SqlDb,
  UniqueViolation,
  VersionConflict,
} from "@edgepass/shared/sql";
import { and, desc, eq, getTableColumns, sql as text } from "drizzle-orm";
import type { EnrollmentRecord } from "./enrollment.ts";
import { type EnrollmentEvents, type ProgressEvent, toDomainEvent } from "./events.ts";
import { readEnrollmentExport } from "./export_store.ts";
import type { PagePosition } from "./schema.ts";
import { completions, courses, enrollments } from "./store_tables.ts";

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
  outbox: EnrollmentEvents["outbox"],
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
    readExport: (personId) => readEnrollmentExport(sql, personId),
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
