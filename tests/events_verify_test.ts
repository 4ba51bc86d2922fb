import assert from "node:assert/strict";
import { reconcile } from "../dev/cli/events_verify.ts";
import {
  dataOf,
  type Environment,
  logIn,
  newPerson,
  type Person,
} from "./suite/product_environment.ts";
import { startQstash, type TestQstash } from "./support/qstash.ts";
import { isQuiet } from "./support/published.ts";
import { waitUntil } from "./support/wait.ts";
import { type Target, targets } from "./targets.ts";

const deliveredWithinMs = 20_000;

Deno.test("an error in a consumer's database is found, and its state published again until it is correct", async (t) => {
  await using qstash = startQstash();
  await using target = await targets["Deno, all in one"](qstash.settings);
  qstash.deliverTo(target.fetch);
  const environment = await setup(target, qstash);
  const { user, course, enrollment } = databasesOf(target);
  assert.equal((await environment.verify(false)).code, 0);

  const corruptions = {
    "a name that was never published": [course, "UPDATE instructors SET name = 'Wrong'"],
    "a role": [course, "UPDATE instructors SET teaches = 0"],
    "a disabled account": [
      user,
      "INSERT INTO disabled_people SELECT id, 0 FROM profiles",
    ],
    "an enrollment that is not counted": [course, "DELETE FROM counted_enrollments"],
    "an enrollment counted as completed": [
      course,
      "UPDATE counted_enrollments SET completed = 1",
    ],
    "a counted enrollment that does not exist": [
      course,
      "INSERT INTO counted_enrollments SELECT 'ghost', id, 0 FROM courses WHERE state = 'published'",
    ],
    "the title of a course": [enrollment, "UPDATE courses SET title = 'Wrong'"],
    "a course that does not exist": [
      enrollment,
      "INSERT INTO courses (id, title) VALUES ('ghost', 'Ghost')",
    ],
    "a person without a profile": [
      user,
      `DELETE FROM profiles WHERE id = '${environment.other.id}'`,
    ],
    "a learner whose account was deleted": [
      enrollment,
      `INSERT INTO enrollments (id, learner_id, course_id, course_title, lesson_ids, version,
        created_at) SELECT 'left', 'nobody', id, 'Sailing', '[]', 1, 0 FROM courses WHERE title = 'Sailing'`,
    ],
  } as const;
  for (const [what, [database, sql]] of Object.entries(corruptions)) {
    await t.step(what, async () => {
      await database.run({ sql, params: [] });
      const found = await environment.verify(false);
      assert.equal(found.code, 1, found.text);
      const repaired = await environment.verify(true);
      assert.equal(repaired.code, 0, repaired.text);
      assert.equal((await environment.verify(false)).code, 0);
      const [[learners, completions] = []] = await course.run({
        sql: "SELECT learners, completions FROM courses WHERE state = 'published'",
        params: [],
      });
      assert.deepEqual([learners, completions], [1, 0]);
    });
  }
});

Deno.test("a lost event is found and published again: workerd, all in one", async () => {
  await using qstash = startQstash();
  await using target = await targets["workerd, all in one"](qstash.settings);
  let isLost = false;
  qstash.deliverTo((path, init) =>
    isLost ? Promise.resolve(new Response("{}")) : target.fetch(path, init)
  );
  const environment = await setup(target, qstash);
  isLost = true;
  const patch = { method: "PATCH", path: "/users/me", body: { name: "Demo Navigator" } };
  await dataOf(environment.send({ ...patch, bearer: environment.teacher.token }));
  await environment.quiet();
  isLost = false;
  const found = await environment.verify(false);
  assert.equal(found.code, 1);
  assert.match(
    found.text,
    new RegExp(`user → course, profile, different: ${environment.teacher.id}`),
  );
  const repaired = await environment.verify(true);
  assert.equal(repaired.code, 0, repaired.text);
  const { instructor } = await dataOf(environment.send({ path: `/courses/${environment.course}` }));
  assert.deepEqual(instructor, { id: environment.teacher.id, name: "Demo Navigator" });
});

/** A published course with a learner, and a user without any further data. */
async function setup(target: Target, qstash: TestQstash) {
  const send: Environment["send"] = async ({ method = "GET", path, bearer, body }) =>
    await target.fetch(path, {
      method,
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const admin = await logIn(send, target.admin);
  const teacher = await newPerson(send, admin, ["learner", "instructor"]);
  const other = await newPerson(send, admin, ["learner"]);
  const course = await publishCourse(send, teacher);
  const body = { courseId: course };
  await dataOf(send({ method: "POST", path: "/enrollments", bearer: other.token, body }), 201);
  const quiet = async () =>
    await waitUntil(
      "all events are delivered",
      async () => {
        await target.maintain();
        return await isQuiet(qstash.settings);
      },
      deliveredWithinMs,
    );
  await quiet();
  return {
    send,
    teacher,
    other,
    course,
    quiet,
    /** Rounds are shorter than the task's, and each ends when every delivery has arrived. */
    verify: (repairs: boolean) =>
      reconcile(
        (method, service, path, body) => {
          const request = { method, path: `/admin/events/${service}${path}`, bearer: admin.token };
          return dataOf(send({ ...request, body }));
        },
        { repairs, pause: quiet },
      ),
  };
}

async function publishCourse(
  send: Environment["send"],
  { token: bearer }: Person,
): Promise<string> {
  const post = { method: "POST", bearer };
  const about = { title: "Sailing", summary: "Knots, wind, and the way home", tags: [] };
  const { id } = await dataOf(send({ ...post, path: "/courses", body: about }), 201);
  const lesson = { title: "The bowline", content: "Out of the hole" };
  await dataOf(send({ ...post, path: `/courses/${id}/lessons`, body: lesson }), 201);
  await dataOf(send({ ...post, path: `/courses/${id}/publish` }));
  return String(id);
}

function databasesOf({ databases }: Target) {
  const { USER_DB: user, COURSE_DB: course, ENROLLMENT_DB: enrollment } = databases ?? {};
  assert.ok(user && course && enrollment);
  return { user, course, enrollment };
}
