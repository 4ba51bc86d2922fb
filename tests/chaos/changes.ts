import type { Answer } from "./client.ts";
import { change, type Kind, type Member, setRoles, signUp, type World } from "./world.ts";

/** Something that a person does, in one change or a few. */
type Deed = (world: World, person: Member) => Promise<unknown>;

/** What people do, by kind, and how often in comparison. */
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

/** How often somebody of a kind does something. */
const kinds = { learner: 58, instructor: 30, quiet: 12 } as const;

/** More courses of one person, or enrollments, than this are not begun. */
const mostCourses = 4;
const mostEnrollments = 8;
/** How often it is tried to let somebody in again. */
const maxTries = 200;

type DeedName = { [K in Kind]: keyof typeof weights[K] }[Kind];

const deeds: Readonly<Record<DeedName, Deed>> = {
  async rename(world, person) {
    const name = world.newText("Demo Person");
    await change(world, {
      operation: "rename",
      by: person,
      method: "PATCH",
      path: "/users/me",
      body: { name },
      facts: { [`name:${person.id}`]: name },
    });
  },
  async createCourse(world, person) {
    if (person.courses.size >= mostCourses) return await deeds.deleteCourse(world, person);
    const title = world.newText("Sailing");
    const created = await change(world, {
      operation: "create course",
      by: person,
      method: "POST",
      path: "/courses",
      body: { title, summary: "Knots, wind, and the way home", tags: [] },
      learn: ({ data: { id } }) => ({
        [`course:${id}:${person.id}`]: "draft",
        [`title:${id}`]: title,
      }),
    });
    if (created.ending === "ok") await publish(world, person, String(created.data.id));
  },
  async renameCourse(world, person) {
    const course = world.random.pick([...person.courses.values()]);
    if (!course) return await deeds.createCourse(world, person);
    const title = world.newText("Sailing");
    await change(world, {
      operation: "rename course",
      by: person,
      method: "PATCH",
      path: `/courses/${course.id}`,
      body: { title },
      facts: { [`title:${course.id}`]: title },
    });
  },
  async deleteCourse(world, person) {
    const course = world.random.pick([...person.courses.values()]);
    if (!course) return await deeds.createCourse(world, person);
    world.published.delete(course.id);
    person.courses.delete(course.id);
    await change(world, {
      operation: "delete course",
      by: person,
      method: "DELETE",
      path: `/courses/${course.id}`,
      facts: { [`course:${course.id}:${person.id}`]: "gone" },
    });
  },
  async enroll(world, person) {
    if (person.enrollments.size >= mostEnrollments) return await deeds.leave(world, person);
    const mine = new Set([...person.enrollments.values()].map(({ id }) => id));
    const course = world.random.pick(
      [...world.published.values()].filter(({ id }) => !mine.has(id)),
    );
    if (!course) return await deeds.rename(world, person);
    const { ending, data } = await change(world, {
      operation: "enroll",
      by: person,
      method: "POST",
      path: "/enrollments",
      body: { courseId: course.id },
      learn: ({ data: { id } }) => ({ [`enrollment:${id}:${person.id}`]: "held" }),
    });
    if (ending === "ok") person.enrollments.set(String(data.id), course);
  },
  async complete(world, person) {
    const [id, course] = world.random.pick([...person.enrollments]) ?? [];
    const lesson = course && world.random.pick(course.lessons);
    if (id === undefined || lesson === undefined) return await deeds.enroll(world, person);
    await change(world, {
      operation: "complete lesson",
      by: person,
      method: "PUT",
      path: `/enrollments/${id}/lessons/${lesson}`,
      body: { completed: true },
      facts: { [`lesson:${id}:${lesson}`]: "done" },
    });
  },
  async leave(world, person) {
    const [id] = world.random.pick([...person.enrollments]) ?? [];
    if (id === undefined) return await deeds.enroll(world, person);
    person.enrollments.delete(id);
    await change(world, {
      operation: "leave",
      by: person,
      method: "DELETE",
      path: `/enrollments/${id}`,
      facts: { [`enrollment:${id}:${person.id}`]: "left" },
    });
  },
  async suspend(world, person) {
    await setDisabled(world, person, true);
    // Whoever stayed disabled would guess at passwords from here on, until nobody may log in.
    for (let tries = 0; tries < maxTries; tries++) {
      if ((await setDisabled(world, person, false)).ending === "ok") break;
    }
    // Every login has ended, and a refused renewal would only cost time.
    Object.assign(person, { token: undefined, refreshToken: undefined });
  },
  async replace(world, person) {
    world.people[person.kind].delete(person);
    await change(world, {
      operation: "close account",
      by: person,
      method: "DELETE",
      path: "/users/me",
      facts: { [`account:${person.id}`]: "closed" },
    });
    await signUp(world, person.kind);
  },
  async giveRoles(world, person) {
    const roles = ["instructor", "learner"].filter(() => world.random.fraction() < 0.5);
    await setRoles(world, person, roles);
  },
  disable: (world, person) => setDisabled(world, person, true),
  enable: (world, person) => setDisabled(world, person, false),
};

async function publish(world: World, person: Member, id: string): Promise<void> {
  const added = await change(world, {
    operation: "add lesson",
    by: person,
    method: "POST",
    path: `/courses/${id}/lessons`,
    body: { title: "The bowline", content: "Out of the hole" },
  });
  if (added.ending !== "ok") return;
  const { ending } = await change(world, {
    operation: "publish course",
    by: person,
    method: "POST",
    path: `/courses/${id}/publish`,
    facts: { [`course:${id}:${person.id}`]: "published" },
  });
  if (ending !== "ok") return;
  const course = { id, lessons: [String(added.data.id)] };
  person.courses.set(id, course);
  world.published.set(id, course);
}

async function setDisabled(world: World, { id }: Member, disabled: boolean): Promise<Answer> {
  return await change(world, {
    operation: disabled ? "disable" : "enable",
    by: world.admin,
    method: "POST",
    path: `/auth/accounts/${id}/${disabled ? "disable" : "enable"}`,
    facts: { [`disabled:${id}`]: disabled ? "1" : "0" },
  });
}

/** Lets somebody who is idle do something; false when everybody of the kind is busy. */
export async function doSomething(world: World): Promise<boolean> {
  const { random, people, busy } = world;
  const kind = random.weighted(kinds);
  const person = random.pick([...people[kind]].filter((person) => !busy.has(person)));
  if (!person) return false;
  busy.add(person);
  try {
    const table: Readonly<Partial<Record<DeedName, number>>> = weights[kind];
    await deeds[random.weighted(table as Readonly<Record<DeedName, number>>)](world, person);
  } finally {
    busy.delete(person);
  }
  return true;
}
