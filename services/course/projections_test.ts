import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import {
  annId,
  bob,
  profilesOf,
  sailing,
  setupCourse,
  setupProjection,
} from "../../tests/support/course_service.ts";
import { permute, toBody } from "../../tests/support/deliveries.ts";

Deno.test("all courses of an instructor show the new name, and the owner's version stays", async () => {
  using platform = await setupProjection();
  const { create, read, rename, instructor, store, id } = platform;
  const draft = await create();
  const other = await create(sailing, bob);
  const before = await store.find(id);
  assert.equal(await rename("Ann Other", 1), "applied");
  assert.equal(await instructor(), "Ann Other");
  assert.equal((await read(draft.id)).instructor.name, "Ann Other");
  assert.equal((await read(other.id, bob)).instructor.name, "Demo Instructor");
  assert.equal((await store.find(id))?.version, before?.version);
});

Deno.test("a name is applied once, and an older one is ignored", async () => {
  using platform = await setupProjection();
  const { deliverBody, rename, instructor, clock } = platform;
  const event = { type: "user.profile-changed", subject: annId, sequence: 5 } as const;
  const body = toBody({ ...event, data: { name: "Ann V" } }, clock.now());
  assert.equal(await deliverBody(body), "applied");
  assert.equal(await rename("Ann IV", 4), "stale");
  assert.equal(await rename("Ann VI", 6), "applied");
  assert.equal(await deliverBody(body), "duplicate");
  assert.equal(await instructor(), "Ann VI");
});

Deno.test("a concurrent event is not lost by an owner's change", async () => {
  using platform = await setupProjection();
  const { store, id, rename, deliver, read } = platform;
  const before = await store.find(id);
  assert.ok(before);
  await rename("Ann Other", 1);
  const data = { courseId: id };
  await deliver({ type: "enrollment.created", subject: "e1", data });
  await deliver({ type: "enrollment.completed", subject: "e1", data, sequence: 2 });
  assert.equal(await store.save(before, { ...before, version: before.version + 1 }), true);
  const { instructor, learners, completions } = await read(id);
  assert.deepEqual([instructor.name, learners, completions], ["Ann Other", 1, 1]);
});

Deno.test("a name that changes while a course is created is the one the course shows", async () => {
  const during: { work?: () => Promise<unknown> } = {};
  const profiles = profilesOf("Ann");
  using platform = await setupCourse({
    profiles: {
      async fetch(request: Request) {
        const response = await profiles.fetch(request);
        await during.work?.();
        return response;
      },
    },
  });
  during.work = () =>
    platform.deliver({ type: "user.profile-changed", subject: annId, data: { name: "Ann II" } });
  const { id } = await platform.create();
  assert.equal((await platform.read(id)).instructor.name, "Ann II");
});

Deno.test("names of people who teach nothing are not stored", async () => {
  using platform = await setupProjection();
  const { deliver, database } = platform;
  const data = { name: "Cleo" };
  const event = { type: "user.profile-changed", subject: uuidv7(), data } as const;
  assert.equal(await deliver(event), "applied");
  const rows = await database.run({ sql: "SELECT id FROM instructors", params: [] });
  assert.deepEqual(rows, [[annId]]);
});

Deno.test("an instructor who is disabled or has lost the role is shown as inactive", async () => {
  using platform = await setupProjection();
  const { deliver, instructor } = platform;
  const send = (type: "user.disabled" | "user.enabled", sequence: number) =>
    deliver({ type, subject: annId, sequence });
  const setRoles = (roles: string[], sequence: number) =>
    deliver({ type: "user.roles-changed", subject: annId, data: { roles }, sequence });
  assert.equal(await instructor(), "Demo Instructor");
  await send("user.enabled", 3);
  assert.equal(await send("user.disabled", 2), "stale");
  assert.equal(await instructor(), "Demo Instructor");
  await send("user.disabled", 4);
  assert.equal(await instructor(), "Demo Instructor, inactive");
  await setRoles(["learner"], 5);
  await send("user.enabled", 6);
  assert.equal(await instructor(), "Demo Instructor, inactive");
  await setRoles(["learner", "instructor"], 7);
  assert.equal(await instructor(), "Demo Instructor");
});

Deno.test("events in any order end in the same state", async () => {
  const subject = annId;
  const events = [
    { type: "user.profile-changed", subject, data: { name: "Ann I" }, sequence: 1 },
    { type: "user.profile-changed", subject, data: { name: "Ann II" }, sequence: 2 },
    { type: "user.disabled", subject, sequence: 1 },
    { type: "user.enabled", subject, sequence: 2 },
  ] as const;
  for (const order of permute(events)) {
    using platform = await setupProjection();
    for (const event of order) await platform.deliver(event);
    assert.equal(await platform.instructor(), "Ann II");
  }
});

Deno.test("learners are counted once each, in any order of events and with repeats", async () => {
  using platform = await setupProjection();
  const { deliverBody, read, id, clock } = platform;
  const data = { courseId: id };
  const bodies = ["e1", "e2"].flatMap((subject) => [
    toBody({ type: "enrollment.created", subject, data }, clock.now()),
    toBody({ type: "enrollment.completed", subject, data, sequence: 2 }, clock.now()),
  ]);
  const outcomes = await Promise.all([...bodies.toReversed(), ...bodies].map(deliverBody));
  assert.ok(outcomes.every((outcome) => ["applied", "duplicate", "stale"].includes(outcome)));
  const { learners, completions } = await read(id);
  assert.deepEqual([learners, completions], [2, 2]);
});

Deno.test("the events of an enrollment, in any order and repeated, count as the last of them", async () => {
  using platform = await setupProjection();
  const { deliver, read, id } = platform;
  const data = { courseId: id };
  for (
    const order of permute(
      ["enrollment.created", "enrollment.completed", "enrollment.deleted"] as const,
    )
  ) {
    const subject = uuidv7();
    const rank = { "enrollment.created": 1, "enrollment.completed": 2, "enrollment.deleted": 3 };
    const deliverOne = (type: keyof typeof rank, further = 0) =>
      deliver({ type, subject, sequence: rank[type] + further, data });
    for (const type of order.filter((type) => type !== "enrollment.deleted")) {
      await deliverOne(type);
    }
    const before = await read(id);
    assert.deepEqual([before.learners, before.completions], [1, 1]);
    await deliverOne("enrollment.completed", 1);
    assert.deepEqual((await read(id)).completions, 1);
    for (const type of order) await deliverOne(type, 2);
    const after = await read(id);
    assert.deepEqual([after.learners, after.completions], [0, 0]);
  }
});

Deno.test("an enrollment whose event names another course, or is repeated as begun, is moved", async () => {
  using platform = await setupProjection();
  const { deliver, read, create, addLesson, publish, id, database } = platform;
  const other = await create();
  await addLesson(other.id);
  await publish(other.id);
  const send = (
    type: "enrollment.created" | "enrollment.completed",
    at: number,
    courseId: string,
  ) => deliver({ type, subject: "e1", sequence: at, data: { courseId } });
  await send("enrollment.completed", 1, other.id);
  await send("enrollment.created", 2, id);
  const counts = async (course: string) => {
    const { learners, completions } = await read(course);
    return [learners, completions];
  };
  assert.deepEqual([await counts(id), await counts(other.id)], [[1, 0], [0, 0]]);
  const rows = await database.run({ sql: "SELECT * FROM counted_enrollments", params: [] });
  assert.deepEqual(rows, [["e1", id, 0]]);
});

Deno.test("a learner of a deleted course is not counted", async () => {
  using platform = await setupProjection();
  const data = { courseId: uuidv7() };
  const event = { type: "enrollment.created", subject: "e1", data } as const;
  assert.equal(await platform.deliver(event), "applied");
  assert.equal((await platform.read(platform.id)).learners, 0);
});

Deno.test("course refuses an event that is not for it", async () => {
  using platform = await setupProjection();
  const event = { type: "user.registered", subject: annId, data: { name: "Ann" } } as const;
  assert.equal(await platform.deliver(event), "489 event_unusable");
});
