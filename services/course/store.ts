import type { ServiceEvents } from "@edgepass/contracts";
import { isNotDeleted } from "@edgepass/shared/events";
import { type Export, toTime } from "@edgepass/shared/http";
import { isDone, type Orm, orm, type SqlDb } from "@edgepass/shared/sql";
import { and, asc, desc, eq, getTableColumns, inArray, sql as text } from "drizzle-orm";
import { integer, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";
import type { CourseAggregate, CourseEvent, CourseRecord, LessonRecord } from "./course.ts";
import type { PagePosition } from "./schema.ts";

/** The outbox of course's events. */
export type CourseOutbox = ServiceEvents<"course">["outbox"];

/** One row for each course. */
export const courses = sqliteTable("courses", {
  id: textColumn("id").primaryKey(),
  instructorId: textColumn("instructor_id").notNull(),
  instructorName: textColumn("instructor_name").notNull(),
  title: textColumn("title").notNull(),
  summary: textColumn("summary").notNull(),
  tags: textColumn("tags", { mode: "json" }).$type<string[]>().notNull(),
  searchText: textColumn("search_text").notNull(),
  state: textColumn("state", { enum: ["draft", "published"] }).notNull(),
  lessonCount: integer("lesson_count").notNull(),
  learners: integer("learners").notNull().default(0),
  completions: integer("completions").notNull().default(0),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  publishedAt: integer("published_at"),
});

/** One row for each lesson. */
export const lessons = sqliteTable("lessons", {
  id: textColumn("id").primaryKey(),
  courseId: textColumn("course_id").notNull(),
  position: integer("position").notNull(),
  title: textColumn("title").notNull(),
  content: textColumn("content").notNull(),
});

/** Events about people who teach. */
export const instructors = sqliteTable("instructors", {
  id: textColumn("id").primaryKey(),
  name: textColumn("name"),
  teaches: integer("teaches"),
  disabled: integer("disabled").notNull().default(0),
});

/** One row for each counted enrollment; its course may be deleted. */
export const countedEnrollments = sqliteTable("counted_enrollments", {
  enrollmentId: textColumn("enrollment_id").primaryKey(),
  courseId: textColumn("course_id").notNull(),
  completed: integer("completed").notNull(),
});

export interface CourseFilter {
  /** Only this person's courses, including drafts; without it, published ones alone. */
  readonly instructorId?: string | undefined;
  readonly q?: string | undefined;
  readonly tag?: string | undefined;
  readonly limit: number;
  readonly after?: PagePosition | undefined;
}

export interface CoursePage {
  readonly items: readonly CourseRecord[];
  readonly next: PagePosition | undefined;
}

/** The store of courses. A change and its event are one batch; readers never see part of it. */
export interface CourseStore {
  /** Fails when the database is down, or lacks its tables. */
  check(): Promise<void>;
  find(id: string): Promise<CourseAggregate | undefined>;
  page(filter: CourseFilter): Promise<CoursePage>;
  /** Stores events about a person from now on, because they begin to teach. */
  expect(instructorId: string): Promise<void>;
  /** Everything that is stored about a person. */
  readExport(personId: string): Promise<Export>;
  /** False when the instructor's account is closed. */
  insert(course: CourseAggregate): Promise<boolean>;
  /** Replaces `before` by `after`; false when a concurrent writer was first. */
  save(before: CourseAggregate, after: CourseAggregate, event?: CourseEvent): Promise<boolean>;
  /** Deletes the course as it was read; false when a concurrent writer was first. */
  remove(course: CourseAggregate, event?: CourseEvent): Promise<boolean>;
}

const { searchText: _searchText, ...columns } = getTableColumns(courses);

/**
 * The columns of a course; events of its instructor take precedence over the data it was created
 * with.
 */
const current = {
  ...columns,
  instructorName: text<string>`coalesce(${instructors.name}, ${courses.instructorName})`,
  instructorActive: text`coalesce(${instructors.teaches}, 1) = 1
    AND coalesce(${instructors.disabled}, 0) = 0`.mapWith(Boolean),
};

/** Stores courses in a database with the tables of `migrations/`; their events go to `outbox`. */
export function sqlCourseStore(sql: SqlDb, outbox: CourseOutbox): CourseStore {
  const db = orm(sql);
  const eventItems = (subject: string, event: CourseEvent | undefined) =>
    event === undefined ? [] : outbox.add({ ...event, subject });
  return {
    async check() {
      await db.select({ id: courses.id }).from(courses).limit(1);
    },
    async find(id) {
      // One batch, so that the lessons belong to the version of the course that was read.
      const [[course], lessonRows] = await db.batch([
        selectCurrent(db).where(eq(courses.id, id)),
        db.select({ id: lessons.id, title: lessons.title, content: lessons.content })
          .from(lessons).where(eq(lessons.courseId, id)).orderBy(asc(lessons.position)),
      ]);
      return course && { ...course, lessons: lessonRows };
    },
    page: (filter) => readPage(db, filter),
    async expect(id) {
      await db.run(text`INSERT INTO instructors (id) SELECT ${id} WHERE ${isNotDeleted(id)}
        ON CONFLICT DO NOTHING`);
    },
    readExport: (personId) => readCourseExport(db, outbox, personId),
    insert: (course) => isDone(db.batch(insertion(db, course))),
    save: (before, after, event) =>
      isDone(db.batch([...changesBetween(db, before, after), ...eventItems(after.id, event)])),
    async remove(course, event) {
      return await isDone(db.batch([
        db.delete(courses).where(unchanged(course)),
        db.requireOneChange(),
        ...eventItems(course.id, event),
      ]));
    },
  };
}

/**
 * A Passport outlives its account by seconds: without this check a course created then would never
 * be deleted.
 */
function insertion(db: Orm, course: CourseAggregate) {
  return [
    db.insert(courses).values({ ...toRow(course), instructorName: course.instructorName }),
    db.update(courses).set({ version: course.version })
      .where(and(eq(courses.id, course.id), isNotDeleted(course.instructorId))),
    db.requireOneChange(),
  ] as const;
}

function selectCurrent(db: Orm) {
  return db.select(current).from(courses)
    .leftJoin(instructors, eq(instructors.id, courses.instructorId));
}

async function readPage(db: Orm, filter: CourseFilter): Promise<CoursePage> {
  const sortedBy = filter.instructorId === undefined ? courses.publishedAt : courses.createdAt;
  const rows = await selectCurrent(db).where(matching(filter))
    .orderBy(desc(sortedBy), desc(courses.id)).limit(filter.limit + 1);
  const items = rows.slice(0, filter.limit);
  const last = rows.length > filter.limit ? items.at(-1) : undefined;
  return { items, next: last && { at: sortTime(last, filter), id: last.id } };
}

function changesBetween(db: Orm, before: CourseAggregate, after: CourseAggregate) {
  const { changed, removed } = compareLessons(before.lessons, after.lessons);
  return [
    db.update(courses).set(toRow(after)).where(unchanged(before)),
    db.requireOneChange(),
    ...removed.map(({ id }) => db.delete(lessons).where(eq(lessons.id, id))),
    ...changed.map((lesson) => upsertLesson(db, lesson, after.id)),
    arrangeLessons(db, after),
  ] as const;
}

function unchanged({ id, version }: CourseRecord) {
  return and(eq(courses.id, id), eq(courses.version, version));
}

function upsertLesson(db: Orm, { id, title, content }: LessonRecord, courseId: string) {
  return db.insert(lessons).values({ id, courseId, position: 0, title, content })
    .onConflictDoUpdate({ target: lessons.id, set: { title, content } });
}

/** One statement, however many lessons move: on Workers each statement of a batch counts. */
function arrangeLessons(db: Orm, { id, lessons: ordered }: CourseAggregate) {
  const ids = JSON.stringify(ordered.map((lesson) => lesson.id));
  const place = text`(SELECT one.key + 1 FROM json_each(${ids}) AS one
    WHERE one.value = ${lessons.id})`;
  return db.update(lessons).set({ position: place }).where(eq(lessons.courseId, id));
}

function matching({ instructorId, q, tag, after }: CourseFilter) {
  const sortedBy = instructorId === undefined ? courses.publishedAt : courses.createdAt;
  return and(
    instructorId === undefined
      ? eq(courses.state, "published")
      : eq(courses.instructorId, instructorId),
    // instr() and not LIKE: D1 limits patterns to 50 bytes, and here % is an ordinary character.
    q === undefined ? undefined : text`instr(${courses.searchText}, ${toSearchText(q)}) > 0`,
    tag === undefined
      ? undefined
      : text`EXISTS (SELECT 1 FROM json_each(${courses.tags}) AS one WHERE one.value = ${tag})`,
    after && text`(${sortedBy}, ${courses.id}) < (${after.at}, ${after.id})`,
  );
}

function sortTime(course: CourseRecord, { instructorId }: CourseFilter): number {
  return instructorId === undefined ? course.publishedAt ?? 0 : course.createdAt;
}

/** Lessons that did not change are the same objects before and after. */
function compareLessons(before: readonly LessonRecord[], after: readonly LessonRecord[]) {
  const remaining = new Set(after.map(({ id }) => id));
  const current = new Set(before);
  return {
    changed: after.filter((lesson) => !current.has(lesson)),
    removed: before.filter(({ id }) => !remaining.has(id)),
  };
}

/**
 * The owner's columns. Columns that events change are not written back, as no version guards them:
 * a concurrent event would be lost.
 */
function toRow({ tags, title, summary, ...course }: CourseAggregate) {
  const { id, instructorId, state, lessonCount, version, createdAt, updatedAt, publishedAt } =
    course;
  const searchText = toSearchText(`${title}\n${summary}`);
  const texts = { title, summary, tags: [...tags], searchText };
  const times = { createdAt, updatedAt, publishedAt };
  return { id, instructorId, ...texts, state, lessonCount, version, ...times };
}

/** SQLite's lower() handles ASCII only; NFC makes the two encodings of an accent equal. */
function toSearchText(value: string): string {
  return value.normalize("NFC").toLowerCase();
}

/** Everything that course stores about a person: their courses, and projections of them. */
async function readCourseExport(db: Orm, outbox: CourseOutbox, id: string): Promise<Export> {
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
      ...toExported(course),
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
    events: await outbox.readPublished([id, ...taught.map((course) => course.id)]),
  };
}

function toExported(course: typeof courses.$inferSelect) {
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
