import { createClient, createStarter } from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/ids";
import { localUpstream } from "@edgepass/shared/upstream";
import { Hono } from "hono";
import { createCourseService, sqlCourseStore } from "../../services/course/mod.ts";
import { readProfile } from "../../services/course/profiles.ts";
import { Course, Lesson } from "../../services/course/schema.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, expectJson, openDatabase, person } from "./services.ts";

export const ann = person(uuidv7(), "instructor");
export const bob = person(uuidv7(), "instructor");
export const learner = person(uuidv7(), "learner");
export const sailing = { title: "Sailing", summary: "Knots and wind", tags: ["sea", "Sport"] };
export const bowline = { title: "Bowline", content: "The rabbit comes out of its hole" };

/** Answers as user does for whoever asks; a test may put another answer in its place. */
export function profilesOf(name: string, answer?: () => Response) {
  return new Hono().get(
    "/users/me",
    (c) => answer?.() ?? c.json({ id: "anybody", name, bio: null }),
  );
}

export async function setupCourse({ profiles = profilesOf("Demo Instructor") } = {}) {
  const database = await openDatabase("course");
  const clock = createClock();
  const passports = createPassports(clock);
  const starter = createStarter(passports.bindings, { now: clock.now, sink: () => {} });
  const client = createClient({ services: { user: localUpstream("user", profiles) } });
  const service = createCourseService({
    starter,
    store: sqlCourseStore(database),
    readProfile: () => readProfile(client),
    now: clock.now,
  });
  const call = createCaller(service, passports);
  return {
    call,
    clock,
    passports,
    service,
    database,
    create: (body: object = sailing, as = ann) =>
      expectJson(call("POST", "/courses", { as, body }), 201, Course),
    addLesson: (id: string, body: object = bowline, as = ann) =>
      expectJson(call("POST", `/courses/${id}/lessons`, { as, body }), 201, Lesson),
    publish: (id: string, as = ann) =>
      expectJson(call("POST", `/courses/${id}/publish`, { as }), 200, Course),
    read: (id: string, as = ann) => expectJson(call("GET", `/courses/${id}`, { as }), 200, Course),
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

export async function setupPublishedCourse() {
  const platform = await setupCourse();
  const { id } = await platform.create();
  const lesson = await platform.addLesson(id);
  return { ...platform, id, lesson, course: await platform.publish(id) };
}
