import type { ServiceEvents } from "@edgepass/contracts";
import type { CourseChange, LessonChange, NewLesson } from "./schema.ts";

/** A lesson as the course holds it; its position is its place in the list. */
export interface LessonRecord {
  readonly id: string;
  readonly title: string;
  readonly content: string;
}

/** A course without its lessons; times are epoch milliseconds. */
export interface CourseRecord {
  readonly id: string;
  readonly instructorId: string;
  readonly instructorName: string;
  /** Whether they may teach: the account exists, is not disabled, and has the role. */
  readonly instructorActive: boolean;
  readonly title: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly state: "draft" | "published";
  readonly lessonCount: number;
  /** Number of enrollments. */
  readonly learners: number;
  /** Enrollments that completed the course at least once. */
  readonly completions: number;
  /**
   * Incremented by every change; of two concurrent writers that read the same version only one
   * succeeds.
   */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly publishedAt: number | null;
}

/** A course with its lessons in order, read and written as one. */
export interface CourseAggregate extends CourseRecord {
  readonly lessons: readonly LessonRecord[];
}

/** The next version of a course. */
export function next(
  course: CourseAggregate,
  change: Partial<CourseAggregate>,
  now: number,
): CourseAggregate {
  const lessons = change.lessons ?? course.lessons;
  return {
    ...course,
    ...change,
    lessonCount: lessons.length,
    version: course.version + 1,
    updatedAt: now,
  };
}

/** The fields that a change names; an absent field stays unchanged. */
export function describe(
  course: CourseAggregate,
  { title = course.title, summary = course.summary, tags = [...course.tags] }: CourseChange,
): Partial<CourseAggregate> {
  return { title, summary, tags: [...new Set(tags)] };
}

export function withLesson(
  { lessons }: CourseAggregate,
  id: string,
  { title, content }: NewLesson,
): Partial<CourseAggregate> {
  return { lessons: [...lessons, { id, title, content }] };
}

/** A changed lesson, at its place or at the one that the change names. */
export function withLessonChanged(
  { lessons }: CourseAggregate,
  lesson: LessonRecord,
  { title = lesson.title, content = lesson.content, position }: LessonChange,
): Partial<CourseAggregate> {
  const changed = { id: lesson.id, title, content };
  if (position === undefined) {
    return { lessons: lessons.map((one) => (one.id === lesson.id ? changed : one)) };
  }
  const others = lessons.filter(({ id }) => id !== lesson.id);
  return { lessons: others.toSpliced(position - 1, 0, changed) };
}

export function withoutLesson(
  { lessons }: CourseAggregate,
  lessonId: string,
): Partial<CourseAggregate> {
  return { lessons: lessons.filter(({ id }) => id !== lessonId) };
}

/** An event about a course; the change it belongs to supplies the course's id. */
export type CourseEvent = Omit<ServiceEvents<"course">["published"], "subject">;

/**
 * The event of a change; undefined when other services do not project the course.
 *
 * A draft is private to its owner: it was never published to other services, so its removal is not
 * published either.
 */
export function toDomainEvent(
  before: CourseAggregate,
  after: CourseAggregate | undefined,
): CourseEvent | undefined {
  const { state, title } = after ?? before;
  if (state !== "published") return undefined;
  const data = { title };
  // With the last title: otherwise the projected title would depend on the order of deliveries.
  if (after === undefined) return { type: "course.deleted", data };
  if (before.state !== "published") return { type: "course.published", data };
  return before.title === title ? undefined : { type: "course.changed", data };
}
