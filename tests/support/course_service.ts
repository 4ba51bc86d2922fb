import assert from "node:assert/strict";
import { eventTypes } from "@edgepass/contracts";
import course from "@edgepass/course";
import { type Fetcher, localUpstream } from "@edgepass/shared/configuration";
import { createOutbox } from "@edgepass/shared/events";
import { createServiceRuntime } from "@edgepass/shared/http";
import { uuidv7 } from "@edgepass/shared/sql";
import { Hono } from "hono";
import { Course, CourseList, Lesson } from "../../services/course/schema.ts";
import { sqlCourseStore } from "../../services/course/store.ts";
import { consumerBindings, createDeliverer, readOutbox } from "./deliveries.ts";
import { createPassports } from "./passports.ts";
import { createCaller, createClock, expectJson, openDatabase, person } from "./services.ts";

export const annId = uuidv7();
export const bobId = uuidv7();
export const ann = person(annId, "instructor");
export const bob = person(bobId, "instructor");
export const learner = person(uuidv7(), "learner");
export const sailing = { title: "Sailing", summary: "Knots and wind", tags: ["sea", "Sport"] };
export const bowline = { title: "Bowline", content: "The rabbit comes out of its hole" };

/** Responds as user does, for any id; a test may set another response. */
export function profilesOf(name: string, answer?: () => Response) {
  return new Hono().get(
    "/users/me",
    (c) => answer?.() ?? c.json({ id: "any-user", name, bio: null }),
  );
}

export async function setupCourse(
  { profiles = profilesOf("Demo Instructor") }: { readonly profiles?: Fetcher } = {},
) {
  const database = await openDatabase("course");
  const clock = createClock();
  const passports = createPassports(clock);
  const runtime = createServiceRuntime(passports.bindings, { now: clock.now, sink: () => {} });
  const bindings = { ...passports.bindings, ...consumerBindings, COURSE_DB: database };
  const local = { USER: localUpstream("user", profiles) };
  const { app: service, maintain } = course.compose(bindings, { local, runtime });
  const call = createCaller(service, passports);
  return {
    call,
    clock,
    passports,
    service,
    database,
    /** Scheduled maintenance. */
    maintain: async () => await maintain?.(),
    /** The same database, as the rules have it. */
    store: sqlCourseStore(
      database,
      createOutbox({ service: "course", table: eventTypes, sql: database, now: clock.now }),
    ),
    ...createDeliverer(service, "course", clock),
    /** The events in its outbox. */
    publishedEvents: () => readOutbox(database),
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

/** A published course, with events about its instructor. */
export async function setupProjection() {
  const platform = await setupPublishedCourse();
  const { deliver, read, call, id } = platform;
  return {
    ...platform,
    rename: (name: string, sequence: number) =>
      deliver({ type: "user.profile-changed", subject: annId, data: { name }, sequence }),
    /** Name and status of the instructor, as the course and the list publish them. */
    async instructor() {
      const course = await read(id, bob);
      const { items } = await expectJson(call("GET", "/courses"), 200, CourseList);
      const seen = [course, ...items].map(({ instructor, instructorActive }) =>
        `${instructor.name}${instructorActive ? "" : ", inactive"}`
      );
      assert.equal(new Set(seen).size, 1, seen.join());
      return seen[0];
    },
  };
}
