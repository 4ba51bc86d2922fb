import { isDone, type SqlDb } from "@edgepass/shared/sql";
import { type Orm, orm } from "@edgepass/shared/sql/orm";
import { and, asc, desc, eq, sql as text } from "drizzle-orm";
import { integer, sqliteTable, text as textColumn } from "drizzle-orm/sqlite-core";
import type { CourseAggregate, CourseRecord, LessonRecord } from "./course.ts";
import type { PagePosition } from "./schema.ts";

export interface CourseFilter {
  /** Only this person's courses, drafts too; without it, published ones alone. */
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

/** Where courses are kept. A change is one batch; part of it is never seen. */
export interface CourseStore {
  /** Fails when the database is away, or lacks its tables. */
  check(): Promise<void>;
  find(id: string): Promise<CourseAggregate | undefined>;
  page(filter: CourseFilter): Promise<CoursePage>;
  insert(course: CourseAggregate): Promise<void>;
  /** Puts `after` in the place of `before`; false when somebody else was first. */
  save(before: CourseAggregate, after: CourseAggregate): Promise<boolean>;
  /** Removes what was read; false when somebody else was first. */
  remove(course: CourseAggregate): Promise<boolean>;
}

const courses = sqliteTable("courses", {
  id: textColumn("id").primaryKey(),
  instructorId: textColumn("instructor_id").notNull(),
  instructorName: textColumn("instructor_name").notNull(),
  title: textColumn("title").notNull(),
  summary: textColumn("summary").notNull(),
  tags: textColumn("tags", { mode: "json" }).$type<string[]>().notNull(),
  searchText: textColumn("search_text").notNull(),
  state: textColumn("state", { enum: ["draft", "published"] }).notNull(),
  lessonCount: integer("lesson_count").notNull(),
  version: integer("version").notNull(),
  createdAt: integer("created_at").notNull(),
  updatedAt: integer("updated_at").notNull(),
  publishedAt: integer("published_at"),
});

const lessons = sqliteTable("lessons", {
  id: textColumn("id").primaryKey(),
  courseId: textColumn("course_id").notNull(),
  position: integer("position").notNull(),
  title: textColumn("title").notNull(),
  content: textColumn("content").notNull(),
});

/** Keeps courses in a database with the tables of `migrations/`. */
export function sqlCourseStore(sql: SqlDb): CourseStore {
  const db = orm(sql);
  return {
    async check() {
      await db.select({ id: courses.id }).from(courses).limit(1);
    },
    async find(id) {
      // One batch, so that the lessons are those of the course as it was read.
      const [[course], lessonRows] = await db.batch([
        db.select().from(courses).where(eq(courses.id, id)),
        db.select({ id: lessons.id, title: lessons.title, content: lessons.content })
          .from(lessons).where(eq(lessons.courseId, id)).orderBy(asc(lessons.position)),
      ]);
      return course && { ...toRecord(course), lessons: lessonRows };
    },
    page: (filter) => readPage(db, filter),
    async insert(course) {
      await db.insert(courses).values(toRow(course));
    },
    save: (before, after) => isDone(db.batch(changesBetween(db, before, after))),
    async remove(course) {
      return await isDone(db.batch([
        db.delete(courses).where(unchanged(course)),
        db.requireOneChange(),
      ]));
    },
  };
}

async function readPage(db: Orm, filter: CourseFilter): Promise<CoursePage> {
  const sortedBy = filter.instructorId === undefined ? courses.publishedAt : courses.createdAt;
  const rows = await db.select().from(courses).where(matching(filter))
    .orderBy(desc(sortedBy), desc(courses.id)).limit(filter.limit + 1);
  const items = rows.slice(0, filter.limit).map(toRecord);
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

/** One statement, however many lessons move: on Workers each one of a batch counts. */
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
    // instr() and not LIKE: D1 takes patterns of 50 bytes, and % stands for itself here.
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

/** Lessons that nobody touched are the same objects before and after. */
function compareLessons(before: readonly LessonRecord[], after: readonly LessonRecord[]) {
  const kept = new Set(after.map(({ id }) => id));
  const known = new Set(before);
  return {
    changed: after.filter((lesson) => !known.has(lesson)),
    removed: before.filter(({ id }) => !kept.has(id)),
  };
}

function toRow({ lessons: _lessons, tags, ...course }: CourseAggregate) {
  const searchText = toSearchText(`${course.title}\n${course.summary}`);
  return { ...course, tags: [...tags], searchText };
}

function toRecord({ searchText: _searchText, ...row }: typeof courses.$inferSelect): CourseRecord {
  return row;
}

/** SQLite's lower() knows ASCII only; accents typed in two ways are one. */
function toSearchText(value: string): string {
  return value.normalize("NFC").toLowerCase();
}
