import assert from "node:assert/strict";
import { orm, uuidv7 } from "@edgepass/shared/sql";
import { permute, toBody } from "../../tests/support/deliveries.ts";
import { setupRecommendation } from "../../tests/support/recommendation_service.ts";

const ann = uuidv7();
const courseId = uuidv7();
const subject = uuidv7();

async function setup() {
  const platform = await setupRecommendation({ isAlone: true });
  return {
    ...platform,
    /** Titles and learner counts of every course. */
    rows: async () =>
      (await platform.database.run({
        sql: "SELECT title, learners FROM courses ORDER BY id",
        params: [],
      })).map((row) => row.join(" ")),
    counted: async () =>
      (await platform.database.run({ sql: "SELECT * FROM counted_enrollments", params: [] }))
        .length,
  };
}

Deno.test("an enrollment counts once, however many events report it", async () => {
  using platform = await setup();
  const { deliver, rows } = platform;
  await deliver({ type: "course.published", subject: courseId, data: { title: "Knots" } });
  const data = { courseId };
  const event = { type: "enrollment.created", subject, data } as const;
  for (const sequence of [1, 1, 2, 3]) await deliver({ ...event, sequence });
  await deliver({ ...event, subject: uuidv7() });
  assert.deepEqual(await rows(), ["Knots 2"]);
});

Deno.test("a deleted enrollment is subtracted once, and one never counted changes nothing", async () => {
  using platform = await setup();
  const { deliver, rows, projection, database, counted } = platform;
  await deliver({ type: "course.published", subject: courseId, data: { title: "Knots" } });
  await deliver({ type: "enrollment.created", subject, data: { courseId } });
  const db = orm(database);
  const takeBack = async (enrollmentId: string) => {
    const [first, ...others] = projection.uncountLearner(enrollmentId);
    assert.ok(first);
    await db.batch([first, ...others]);
  };
  await takeBack(uuidv7());
  assert.deepEqual(await rows(), ["Knots 1"]);
  await takeBack(subject);
  await takeBack(subject);
  assert.deepEqual([await rows(), await counted()], [["Knots 0"], 0]);
});

Deno.test("the end of a course deletes its learner counts, and those of no other course", async () => {
  using platform = await setup();
  const { deliver, rows, database } = platform;
  const [other, enrollment] = [uuidv7(), uuidv7()];
  await deliver({ type: "course.published", subject: courseId, data: { title: "Knots" } });
  await deliver({ type: "course.published", subject: other, data: { title: "Sails" } });
  await deliver({ type: "enrollment.created", subject, data: { courseId } });
  await deliver({ type: "enrollment.created", subject: enrollment, data: { courseId: other } });
  await deliver({ type: "course.deleted", subject: courseId, data: { title: "Knots" } });
  assert.deepEqual(await rows(), ["Sails 1"]);
  const counted = await database.run({
    sql: "SELECT enrollment_id FROM counted_enrollments",
    params: [],
  });
  assert.deepEqual(counted, [[enrollment]]);
});

Deno.test("events in any order end in the same state", async () => {
  const now = Date.now();
  const bodies = [
    toBody({ type: "course.published", subject: courseId, data: { title: "Knots" } }, now),
    toBody({
      type: "course.changed",
      subject: courseId,
      data: { title: "Knots II" },
      sequence: 2,
    }, now),
    toBody({ type: "enrollment.created", subject, data: { courseId } }, now),
  ];
  for (const order of permute(bodies)) {
    using platform = await setup();
    for (const body of [...order, ...order]) await platform.deliverBody(body);
    assert.deepEqual(await platform.rows(), ["Knots II 1"]);
  }
  const end = { type: "course.deleted", subject: courseId, data: { title: "-" } } as const;
  for (const order of permute([...bodies, toBody({ ...end, sequence: 3 }, now)])) {
    using platform = await setup();
    for (const body of [...order, ...order]) await platform.deliverBody(body);
    assert.deepEqual([await platform.rows(), await platform.counted()], [[], 0]);
  }
});

Deno.test("a course without a title is suggested to no person", async () => {
  using platform = await setup();
  const { deliver, read, publish } = platform;
  await publish("Sailing");
  await deliver({ type: "enrollment.created", subject, data: { courseId } });
  assert.deepEqual(await read(ann), ["Sailing", "default", "default"]);
  await deliver({ type: "course.published", subject: courseId, data: { title: "Knots" } });
  assert.deepEqual(await read(ann), ["Knots, Sailing", "default", "default"]);
});

Deno.test("a deleted person's stored result is erased, and the recommender receives no more calls for them", async () => {
  using platform = await setupRecommendation();
  const { deliver, publish, read, kept, asked } = platform;
  await publish("Knots");
  await read(ann);
  assert.deepEqual([...kept.rows.keys()], [ann]);
  assert.equal(await deliver({ type: "user.deleted", subject: ann }), "applied");
  assert.equal(kept.rows.size, 0);
  // A Passport outlives the account by seconds.
  assert.deepEqual(await read(ann), ["Knots", "default", "default"]);
  assert.deepEqual([kept.rows.size, asked.length], [0, 1]);
});

Deno.test("the deletion of a person is retried until the stored result is erased", async () => {
  using platform = await setupRecommendation();
  const { deliver, kept } = platform;
  const { forget } = kept;
  kept.forget = () => Promise.reject(new Error("Redis is away"));
  const event = { type: "user.deleted", subject: ann } as const;
  assert.match(await deliver(event), /^5/);
  kept.forget = forget;
  assert.equal(await deliver(event), "applied");
});
