import type { CourseForEnrollment } from "@edgepass/contracts";
import { Problem } from "@edgepass/shared/problem";
import { type EnrollmentRecord, withLesson } from "./enrollment.ts";
import type { LessonProgress, NewEnrollment } from "./schema.ts";
import type { EnrollmentPage, EnrollmentStore, PageRequest } from "./store.ts";

/** The learner; the routes admit no other callers. */
export interface Learner {
  readonly userId: string;
}

export interface EnrollmentOptions {
  readonly store: EnrollmentStore;
  /** The course as visible to the request's subject; undefined when there is none. */
  readonly readCourse: (id: string) => Promise<CourseForEnrollment | undefined>;
  readonly newId: (now: number) => string;
  readonly now?: () => number;
}

export type Enrollments = ReturnType<typeof createEnrollments>;

/** Concurrent changes from several windows are legitimate; more than this are not expected. */
const maxAttempts = 5;

/** The rules of enrollments: they belong to their learner and follow the published course. */
export function createEnrollments(deps: EnrollmentOptions) {
  const { store, newId, now = Date.now } = deps;
  const { requireOwn, requirePublished } = createGuards(deps);
  return {
    async enroll({ courseId }: NewEnrollment, by: Learner): Promise<EnrollmentRecord> {
      const course = await requirePublished(courseId);
      const at = now();
      const enrollment = newEnrollment(course, { id: newId(at), learnerId: by.userId, at });
      const outcome = await store.insert(enrollment);
      if (outcome === "gone") throw courseNotFound();
      if (outcome === "done") return enrollment;
      throw new Problem("conflict", { detail: "Already enrolled in this course" });
    },
    list: (by: Learner, page: PageRequest): Promise<EnrollmentPage> => store.page(by.userId, page),
    get: requireOwn,
    async mark(
      { id, lessonId }: { id: string; lessonId: string },
      { completed }: LessonProgress,
      by: Learner,
    ): Promise<EnrollmentRecord> {
      let before = await requireOwn(id, by);
      const course = await requirePublished(before.courseId);
      if (!course.lessons.some((lesson) => lesson.id === lessonId)) throw new Problem("not_found");
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const at = now();
        const after = withLesson(before, { lessonId, completed, course, now: at });
        if (await store.save(before, after, at)) return after;
        before = await requireOwn(id, by);
      }
      throw new Problem("conflict", { detail: "The enrollment is being changed: try again" });
    },
    async remove(id: string, by: Learner): Promise<void> {
      if (!(await store.remove(await requireOwn(id, by)))) throw new Problem("not_found");
    },
  };
}

function createGuards({ store, readCourse }: EnrollmentOptions) {
  return {
    async requireOwn(id: string, by: Learner): Promise<EnrollmentRecord> {
      const enrollment = await store.find(id);
      if (enrollment?.learnerId !== by.userId) throw new Problem("not_found");
      return enrollment;
    },
    /** The owner sees a draft too, but no one can enroll in it. */
    async requirePublished(id: string): Promise<CourseForEnrollment> {
      const course = await readCourse(id);
      if (course?.state === "published") return course;
      throw courseNotFound();
    },
  };
}

function courseNotFound(): Problem {
  return new Problem("not_found", { detail: "No such published course" });
}

function newEnrollment(
  course: CourseForEnrollment,
  { id, learnerId, at }: { id: string; learnerId: string; at: number },
): EnrollmentRecord {
  return {
    id,
    learnerId,
    courseId: course.id,
    courseTitle: course.title,
    courseState: "published",
    lessonIds: course.lessons.map((lesson) => lesson.id),
    completed: [],
    version: 1,
    createdAt: at,
    completedAt: null,
    firstCompletedAt: null,
  };
}
