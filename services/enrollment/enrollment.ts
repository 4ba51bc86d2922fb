import type { CourseForEnrollment, ServiceEvents } from "@edgepass/contracts";

/** One learner in one course; times are epoch milliseconds. */
export interface EnrollmentRecord {
  readonly id: string;
  readonly learnerId: string;
  readonly courseId: string;
  /** From course's event, or else from the last call to course. */
  readonly courseTitle: string;
  /** A removed course stays readable for its learners. */
  readonly courseState: "published" | "removed";
  /** From the last call to course, in the order of the course. */
  readonly lessonIds: readonly string[];
  /** Unordered; lessons that have left the course since stay in it and do not count. */
  readonly completed: readonly string[];
  /**
   * Incremented by every change; of two concurrent writers that read the same version only one
   * succeeds.
   */
  readonly version: number;
  readonly createdAt: number;
  /** Set exactly while every lesson of the course is completed. */
  readonly completedAt: number | null;
  /** When every lesson was completed for the first time, whatever happened later. */
  readonly firstCompletedAt: number | null;
}

/** The completed lessons that are in the course, in its order. */
export function completedLessons(
  { lessonIds, completed }: Pick<EnrollmentRecord, "lessonIds" | "completed">,
): string[] {
  const done = new Set(completed);
  return lessonIds.filter((id) => done.has(id));
}

/** Completed lessons in percent, to one decimal; 100 only when all of them are completed. */
export function progressOf(
  enrollment: Pick<EnrollmentRecord, "lessonIds" | "completed">,
): number {
  const total = enrollment.lessonIds.length;
  const done = completedLessons(enrollment).length;
  if (total === 0) return 0;
  return done === total ? 100 : Math.min(99.9, Math.round(done / total * 1000) / 10);
}

/** The enrollment after a lesson was completed or reopened, with the course as it is today. */
export function withLesson(
  before: EnrollmentRecord,
  { lessonId, completed, course, now }: {
    lessonId: string;
    completed: boolean;
    course: CourseForEnrollment;
    now: number;
  },
): EnrollmentRecord {
  const others = before.completed.filter((id) => id !== lessonId);
  const after = {
    ...before,
    courseTitle: course.title,
    courseState: "published" as const,
    lessonIds: course.lessons.map(({ id }) => id),
    completed: completed ? [...others, lessonId] : others,
    version: before.version + 1,
  };
  const completedAt = progressOf(after) === 100 ? before.completedAt ?? now : null;
  return { ...after, completedAt, firstCompletedAt: before.firstCompletedAt ?? completedAt };
}

/** The types that enrollment publishes. */
type EnrollmentEvent = ServiceEvents<"enrollment">["published"]["type"];

/** The progress of an enrollment: it exists, or the course is completed. */
export type ProgressEvent = Exclude<EnrollmentEvent, "enrollment.deleted">;

/**
 * The event of a change of progress; a course is completed once, even if a lesson is reopened
 * later.
 */
export function toDomainEvent(before: EnrollmentRecord, after: EnrollmentRecord): ProgressEvent[] {
  const first = before.firstCompletedAt === null && after.firstCompletedAt !== null;
  return first ? ["enrollment.completed"] : [];
}
