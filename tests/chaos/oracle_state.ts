import type { Columns } from "./audit.ts";
import type { Findings } from "./findings.ts";
import type { History } from "./history.ts";
import { rolesOf, type State } from "./state.ts";
import type { ServiceName } from "./system.ts";

/** The input of the checks below, and their findings. */
interface Inquiry {
  readonly state: State;
  readonly history: History;
  readonly findings: Findings;
}

/** The instructor name of a course whose instructor was deleted. */
const formerInstructor = "Former instructor";

/** Compares every consumer's projections with the databases of their sources. */
export function checkState(inquiry: Inquiry): void {
  checkPeople(inquiry);
  checkInstructors(inquiry);
  checkTaughtCourses(inquiry);
  checkKnownCourses(inquiry);
  checkLearners(inquiry);
  checkCounted(inquiry);
  checkCounts(inquiry);
}

/**
 * A difference is a loss where the newest event has not arrived; otherwise an older event has won.
 */
function differ(
  { history, findings }: Inquiry,
  where: {
    readonly consumer: ServiceName;
    readonly source: string;
    readonly subject: string;
    readonly facet: string;
  },
  what: string,
): void {
  const { consumer, source, subject, facet } = where;
  const newest = history.newest(source, subject, facet);
  const hasConsumed = newest !== undefined && history.hasConsumed(consumer, newest.id);
  findings.add(hasConsumed ? "out of order" : "lost", `${consumer}: ${what} of ${subject}`);
}

/** User projects every account, with its closed and disabled state. */
function checkPeople(inquiry: Inquiry): void {
  const { state: { accounts, profiles, disabledPeople }, findings } = inquiry;
  for (const [id, account] of accounts) {
    const profile = profiles.get(id);
    if (!isOpen(account)) {
      if (profile?.erased_at === null) findings.add("orphans", `user: profile of closed ${id}`);
      if (!profile) findings.add("lost", `user: tombstone of ${id}`);
      if (disabledPeople.has(id)) findings.add("orphans", `user: closed ${id} is disabled`);
      continue;
    }
    if (profile?.erased_at !== null) findings.add("lost", `user: profile of ${id}`);
    if (disabledPeople.has(id) !== (account.disabled === 1)) {
      const where = { consumer: "user", source: "/auth", subject: id, facet: "access" } as const;
      differ(inquiry, where, "access");
    }
  }
  for (const id of [...profiles.keys(), ...disabledPeople.keys()]) {
    if (!accounts.has(id)) findings.add("orphans", `user: ${id} has no account`);
  }
}

/** Course projects who teaches, who is disabled, and the instructors' names. */
function checkInstructors(inquiry: Inquiry): void {
  const { state: { accounts, profiles, instructors }, history, findings } = inquiry;
  const consumer = "course";
  for (const [subject, account] of accounts) {
    const stored = instructors.get(subject);
    if (!isOpen(account)) {
      if (stored && stored.name !== null) findings.add("orphans", `course: name of ${subject}`);
      continue;
    }
    const hasChanged = history.newest("/auth", subject, "roles") !== undefined;
    const teaches = rolesOf(account).includes("instructor") ? 1 : 0;
    if (hasChanged && stored?.teaches !== teaches) {
      differ(inquiry, { consumer, source: "/auth", subject, facet: "roles" }, "roles");
    }
    if ((stored?.disabled ?? 0) !== account.disabled) {
      differ(inquiry, { consumer, source: "/auth", subject, facet: "access" }, "access");
    }
    const { name = null } = stored ?? {};
    if (name !== null && name !== profiles.get(subject)?.name) {
      differ(inquiry, { consumer, source: "/user", subject, facet: "profile" }, "name");
    }
  }
  for (const id of instructors.keys()) {
    if (!accounts.has(id)) findings.add("orphans", `course: instructor ${id} has no account`);
  }
}

/** A course has the current name of its instructor, or no instructor. */
function checkTaughtCourses(inquiry: Inquiry): void {
  const { state: { accounts, profiles, instructors, courses }, findings } = inquiry;
  for (const [id, course] of courses) {
    const subject = String(course.instructor_id);
    const account = accounts.get(subject);
    if (account && isOpen(account)) {
      const shown = instructors.get(subject)?.name ?? course.instructor_name;
      if (shown === profiles.get(subject)?.name) continue;
      const where = { consumer: "course", source: "/user", subject, facet: "profile" } as const;
      differ(inquiry, where, `name shown with course ${id}`);
    } else if (course.state === "draft") {
      findings.add("orphans", `course: draft ${id} of closed ${subject}`);
    } else if (course.instructor_name !== formerInstructor) {
      findings.add("orphans", `course: ${id} names closed ${subject}`);
    }
  }
}

/** Enrollment projects every published course, its title, and whether it was deleted. */
function checkKnownCourses(inquiry: Inquiry): void {
  const { state: { courses, knownCourses }, history, findings } = inquiry;
  const consumer = "enrollment";
  for (const [subject, course] of courses) {
    const stored = knownCourses.get(subject);
    if (course.state === "draft") {
      if (stored) findings.add("orphans", `enrollment: draft ${subject}`);
    } else if (!stored || stored.title !== course.title) {
      differ(inquiry, { consumer, source: "/course", subject, facet: "course" }, "title");
    } else if (stored.removed !== 0) {
      findings.add("orphans", `enrollment: ${subject} is marked as deleted`);
    }
  }
  for (const [id, stored] of knownCourses) {
    if (courses.has(id)) continue;
    if (stored.removed !== 1) findings.add("lost", `enrollment: the deletion of course ${id}`);
    if (!history.newest("/course", id, "course")) {
      findings.add("orphans", `enrollment: no service published ${id}`);
    }
  }
  for (const { type, subject, data } of history.published) {
    if (type === "course.deleted" && knownCourses.get(subject)?.title !== data.title) {
      findings.add("lost", `enrollment: the last title of ${subject}`);
    }
  }
}

/** No deleted user is enrolled. */
function checkLearners({ state: { accounts, enrollments }, findings }: Inquiry): void {
  for (const [id, { learner_id: learner }] of enrollments) {
    const account = accounts.get(String(learner));
    if (!account || !isOpen(account)) {
      findings.add("orphans", `enrollment: ${id} of closed ${learner}`);
    }
  }
}

/** Course projects every enrollment, and whether it was completed. */
function checkCounted(inquiry: Inquiry): void {
  const { state: { enrollments, countedEnrollments }, findings } = inquiry;
  for (const [subject, enrollment] of enrollments) {
    const counted = countedEnrollments.get(subject);
    const isRight = counted?.course_id === enrollment.course_id &&
      counted?.completed === toCompleted(enrollment);
    if (isRight) continue;
    const of = { source: "/enrollment", subject, facet: "progress" };
    differ(inquiry, { consumer: "course", ...of }, "progress");
  }
  for (const id of countedEnrollments.keys()) {
    if (!enrollments.has(id)) findings.add("orphans", `course: enrollment ${id} does not exist`);
  }
}

/** A course shows the actual numbers of learners and completions. */
function checkCounts({ state: { courses, enrollments }, findings }: Inquiry): void {
  const byCourse = Map.groupBy(enrollments.values(), ({ course_id: id }) => String(id));
  for (const [id, course] of courses) {
    const own = byCourse.get(id) ?? [];
    const expected = {
      learners: own.length,
      completions: own.filter((enrollment) => toCompleted(enrollment) === 1).length,
    };
    for (const [column, count] of Object.entries(expected)) {
      const shown = Number(course[column]);
      const what = `course: ${column} of ${id} are ${shown} and not ${count}`;
      if (shown > count) findings.add("applied twice", what);
      if (shown < count) findings.add("lost", what);
    }
  }
}

function toCompleted({ first_completed_at: completedAt }: Columns): 0 | 1 {
  return completedAt === null ? 0 : 1;
}

function isOpen(account: Columns): boolean {
  return account.closed_at === null;
}
