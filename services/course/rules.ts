import type { ProfileForCourse } from "@edgepass/contracts";
import type { Passport } from "@edgepass/shared/passport";
import { Problem } from "@edgepass/shared/problem";
import {
  type CourseAggregate,
  describe,
  type LessonRecord,
  next,
  toDomainEvent,
  withLesson,
  withLessonChanged,
  withoutLesson,
} from "./course.ts";
import {
  type CourseChange,
  type LessonChange,
  maxLessons,
  type NewCourse,
  type NewLesson,
} from "./schema.ts";
import type { CourseFilter, CoursePage, CourseStore } from "./store.ts";

/** The request's subject, as far as the rules need it. */
export type Caller = Pick<Passport, "userId">;

/** The instructor; the routes admit no other callers. */
export interface Teacher {
  readonly userId: string;
}

export interface CourseOptions {
  readonly store: CourseStore;
  /** Reads the profile of the request's subject. */
  readonly readProfile: () => Promise<ProfileForCourse>;
  readonly newId: (now: number) => string;
  readonly now?: () => number;
}

export type Courses = ReturnType<typeof createCourses>;

/** The rules of courses: who sees which, who changes what, and what a published one needs. */
export function createCourses(
  { store, readProfile, newId, now = Date.now }: CourseOptions,
) {
  const rules = createCourseRules(store, now);
  return {
    /** Published courses, or one instructor's own; newest first. */
    list: (filter: CourseFilter): Promise<CoursePage> => store.page(filter),
    get: rules.requireVisible,
    async create(input: NewCourse, by: Teacher): Promise<CourseAggregate> {
      // First, so that a name change between the response of user and the insert is not missed.
      await store.expect(by.userId);
      const { name } = await readProfile();
      const at = now();
      const course = newCourse(input, { id: newId(at), instructor: by.userId, name, at });
      if (await store.insert(course)) return course;
      throw new Problem("forbidden", { detail: "There is no account to teach under" });
    },
    change: (id: string, input: CourseChange, by: Teacher): Promise<CourseAggregate> =>
      rules.change(id, by, (course) => isEmpty(input) ? undefined : describe(course, input)),
    publish: (id: string, by: Teacher): Promise<CourseAggregate> =>
      rules.change(id, by, (course, at) => {
        if (course.state === "published") return undefined;
        if (course.lessons.length === 0) throw needsLesson();
        return { state: "published", publishedAt: at };
      }),
    async remove(id: string, by: Teacher): Promise<void> {
      const course = await rules.requireOwn(id, by);
      if (!(await store.remove(course, toDomainEvent(course, undefined)))) throw lostRace();
    },
    ...createLessons(rules, () => newId(now())),
  };
}

function newCourse(
  { title, summary, tags }: NewCourse,
  { id, instructor, name, at }: { id: string; instructor: string; name: string; at: number },
): CourseAggregate {
  return {
    id,
    instructorId: instructor,
    instructorName: name,
    instructorActive: true,
    title,
    summary,
    tags: [...new Set(tags)],
    state: "draft",
    lessonCount: 0,
    learners: 0,
    completions: 0,
    lessons: [],
    version: 1,
    createdAt: at,
    updatedAt: at,
    publishedAt: null,
  };
}

function createLessons(
  rules: ReturnType<typeof createCourseRules>,
  newId: () => string,
) {
  return {
    async addLesson(id: string, input: NewLesson, by: Teacher): Promise<PlacedLesson> {
      const lessonId = newId();
      const course = await rules.change(id, by, (course) => {
        if (course.lessons.length >= maxLessons) throw hasAllLessons();
        return withLesson(course, lessonId, input);
      });
      return requireLesson(course, lessonId);
    },
    async changeLesson(
      { id, lessonId }: { id: string; lessonId: string },
      input: LessonChange,
      by: Teacher,
    ): Promise<PlacedLesson> {
      const course = await rules.change(
        id,
        by,
        (course) => {
          const lesson = requireLesson(course, lessonId);
          return isEmpty(input) ? undefined : withLessonChanged(course, lesson, input);
        },
      );
      return requireLesson(course, lessonId);
    },
    async removeLesson(
      { id, lessonId }: { id: string; lessonId: string },
      by: Teacher,
    ): Promise<void> {
      await rules.change(id, by, (course) => {
        const { id } = requireLesson(course, lessonId);
        if (course.state === "published" && course.lessons.length === 1) throw needsLesson();
        return withoutLesson(course, id);
      });
    },
  };
}

function createCourseRules(store: CourseStore, now: () => number) {
  /** A draft is visible to its owner alone; for other callers it does not exist. */
  async function requireVisible(id: string, caller: Caller): Promise<CourseAggregate> {
    const course = await store.find(id);
    if (course === undefined) throw new Problem("not_found");
    if (course.state !== "published" && course.instructorId !== caller.userId) {
      throw new Problem("not_found");
    }
    return course;
  }
  async function requireOwn(id: string, by: Teacher): Promise<CourseAggregate> {
    const course = await requireVisible(id, by);
    if (course.instructorId !== by.userId) throw new Problem("forbidden");
    return course;
  }
  /**
   * Applies a change of the owner's; `decide` returns undefined when there is nothing to change.
   */
  async function change(
    id: string,
    by: Teacher,
    decide: (course: CourseAggregate, at: number) => Partial<CourseAggregate> | undefined,
  ): Promise<CourseAggregate> {
    const before = await requireOwn(id, by);
    const at = now();
    const decided = decide(before, at);
    if (decided === undefined) return before;
    const after = next(before, decided, at);
    if (!(await store.save(before, after, toDomainEvent(before, after)))) throw lostRace();
    return after;
  }
  return { requireVisible, requireOwn, change };
}

/** A lesson with its position, counted from 1. */
export type PlacedLesson = LessonRecord & { readonly position: number };

function requireLesson({ lessons }: CourseAggregate, lessonId: string): PlacedLesson {
  const index = lessons.findIndex(({ id }) => id === lessonId);
  const lesson = lessons[index];
  if (lesson === undefined) throw new Problem("not_found");
  return { ...lesson, position: index + 1 };
}

/** A published course always has at least one lesson. */
function needsLesson(): Problem {
  return new Problem("conflict", { detail: "A published course needs at least one lesson" });
}

function hasAllLessons(): Problem {
  return new Problem("conflict", { detail: `A course has at most ${maxLessons} lessons` });
}

function isEmpty(input: object): boolean {
  return Object.keys(input).length === 0;
}

function lostRace(): Problem {
  return new Problem("conflict", { detail: "The course was changed meanwhile: read it again" });
}
