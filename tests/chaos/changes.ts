import type { Outcome } from "./client.ts";
import {
  change,
  type Environment,
  type Kind,
  type Member,
  setRoles,
  signUp,
} from "./environment.ts";

/** An action of a user, of one or more changes. */
type Deed = (environment: Environment, person: Member) => Promise<unknown>;

/** The kinds of actions, with their relative frequency. */
const weights = {
  learner: { rename: 40, enroll: 26, complete: 22, leave: 8, suspend: 0.4, replace: 0.35 },
  instructor: {
    rename: 30,
    createCourse: 5,
    renameCourse: 50,
    deleteCourse: 4,
    suspend: 0.4,
    replace: 0.4,
  },
  quiet: { giveRoles: 60, disable: 20, enable: 20 },
} as const satisfies Record<Kind, Readonly<Record<string, number>>>;

/** How often each kind of user acts. */
const kinds = { learner: 58, instructor: 30, quiet: 12 } as const;

/** A user with this many courses, or enrollments, starts no more. */
const mostCourses = 4;
const mostEnrollments = 8;
/** How often enabling a user is tried. */
const maxTries = 200;

type DeedName = { [K in Kind]: keyof typeof weights[K] }[Kind];

const deeds: Readonly<Record<DeedName, Deed>> = {
  async rename(environment, person) {
    const name = environment.newText("Demo Person");
    await change(environment, {
      operation: "rename",
      by: person,
      method: "PATCH",
      path: "/users/me",
      body: { name },
      facts: { [`name:${person.id}`]: name },
    });
  },
  async createCourse(environment, person) {
    if (person.courses.size >= mostCourses) return await deeds.deleteCourse(environment, person);
    const title = environment.newText("Sailing");
    const created = await change(environment, {
      operation: "create course",
      by: person,
      method: "POST",
      path: "/courses",
      body: { title, summary: "Knots, wind, and the way home", tags: [] },
      factsOf: ({ data: { id } }) => ({
        [`course:${id}:${person.id}`]: "draft",
        [`title:${id}`]: title,
      }),
    });
    if (created.ending === "ok") await publish(environment, person, String(created.data.id));
  },
  async renameCourse(environment, person) {
    const course = environment.random.pick([...person.courses.values()]);
    if (!course) return await deeds.createCourse(environment, person);
    const title = environment.newText("Sailing");
    await change(environment, {
      operation: "rename course",
      by: person,
      method: "PATCH",
      path: `/courses/${course.id}`,
      body: { title },
      facts: { [`title:${course.id}`]: title },
    });
  },
  async deleteCourse(environment, person) {
    const course = environment.random.pick([...person.courses.values()]);
    if (!course) return await deeds.createCourse(environment, person);
    environment.published.delete(course.id);
    person.courses.delete(course.id);
    await change(environment, {
      operation: "delete course",
      by: person,
      method: "DELETE",
      path: `/courses/${course.id}`,
      facts: { [`course:${course.id}:${person.id}`]: "gone" },
    });
  },
  async enroll(environment, person) {
    if (person.enrollments.size >= mostEnrollments) return await deeds.leave(environment, person);
    const mine = new Set([...person.enrollments.values()].map(({ id }) => id));
    const course = environment.random.pick(
      [...environment.published.values()].filter(({ id }) => !mine.has(id)),
    );
    if (!course) return await deeds.rename(environment, person);
    const { ending, data } = await change(environment, {
      operation: "enroll",
      by: person,
      method: "POST",
      path: "/enrollments",
      body: { courseId: course.id },
      factsOf: ({ data: { id } }) => ({ [`enrollment:${id}:${person.id}`]: "held" }),
    });
    if (ending === "ok") person.enrollments.set(String(data.id), course);
  },
  async complete(environment, person) {
    const [id, course] = environment.random.pick([...person.enrollments]) ?? [];
    const lesson = course && environment.random.pick(course.lessons);
    if (id === undefined || lesson === undefined) return await deeds.enroll(environment, person);
    await change(environment, {
      operation: "complete lesson",
      by: person,
      method: "PUT",
      path: `/enrollments/${id}/lessons/${lesson}`,
      body: { completed: true },
      facts: { [`lesson:${id}:${lesson}`]: "done" },
    });
  },
  async leave(environment, person) {
    const [id] = environment.random.pick([...person.enrollments]) ?? [];
    if (id === undefined) return await deeds.enroll(environment, person);
    person.enrollments.delete(id);
    await change(environment, {
      operation: "leave",
      by: person,
      method: "DELETE",
      path: `/enrollments/${id}`,
      facts: { [`enrollment:${id}:${person.id}`]: "left" },
    });
  },
  async suspend(environment, person) {
    await setDisabled(environment, person, true);
    // A user who stayed disabled would fail logins from here on, until login throttling blocks
    // every user.
    for (let tries = 0; tries < maxTries; tries++) {
      if ((await setDisabled(environment, person, false)).ending === "ok") break;
    }
    // Every login has ended, so a token renewal would fail and only cost time.
    Object.assign(person, { token: undefined, refreshToken: undefined });
  },
  async replace(environment, person) {
    environment.people[person.kind].delete(person);
    await change(environment, {
      operation: "close account",
      by: person,
      method: "DELETE",
      path: "/users/me",
      facts: { [`account:${person.id}`]: "closed" },
    });
    await signUp(environment, person.kind);
  },
  async giveRoles(environment, person) {
    const roles = ["instructor", "learner"].filter(() => environment.random.fraction() < 0.5);
    await setRoles(environment, person, roles);
  },
  disable: (environment, person) => setDisabled(environment, person, true),
  enable: (environment, person) => setDisabled(environment, person, false),
};

async function publish(environment: Environment, person: Member, id: string): Promise<void> {
  const added = await change(environment, {
    operation: "add lesson",
    by: person,
    method: "POST",
    path: `/courses/${id}/lessons`,
    body: { title: "The bowline", content: "Out of the hole" },
  });
  if (added.ending !== "ok") return;
  const { ending } = await change(environment, {
    operation: "publish course",
    by: person,
    method: "POST",
    path: `/courses/${id}/publish`,
    facts: { [`course:${id}:${person.id}`]: "published" },
  });
  if (ending !== "ok") return;
  const course = { id, lessons: [String(added.data.id)] };
  person.courses.set(id, course);
  environment.published.set(id, course);
}

async function setDisabled(
  environment: Environment,
  { id }: Member,
  disabled: boolean,
): Promise<Outcome> {
  return await change(environment, {
    operation: disabled ? "disable" : "enable",
    by: environment.admin,
    method: "POST",
    path: `/auth/accounts/${id}/${disabled ? "disable" : "enable"}`,
    facts: { [`disabled:${id}`]: disabled ? "1" : "0" },
  });
}

/** Lets an idle user of a kind act; false where all users of the kind are busy. */
export async function doSomething(environment: Environment): Promise<boolean> {
  const { random, people, busy } = environment;
  const kind = random.weighted(kinds);
  const person = random.pick([...people[kind]].filter((person) => !busy.has(person)));
  if (!person) return false;
  busy.add(person);
  try {
    const table: Readonly<Partial<Record<DeedName, number>>> = weights[kind];
    await deeds[random.weighted(table as Readonly<Record<DeedName, number>>)](environment, person);
  } finally {
    busy.delete(person);
  }
  return true;
}
