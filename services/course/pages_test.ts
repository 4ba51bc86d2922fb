import assert from "node:assert/strict";
import { uuidv7 } from "@edgepass/shared/sql";
import fc from "fast-check";
import { ann, setupCourse } from "../../tests/support/course_service.ts";
import { expectJson } from "../../tests/support/services.ts";
import type { CourseAggregate } from "./course.ts";
import { CourseList } from "./schema.ts";

/** A course of Ann's, published when it was created. */
function publishedAt(at: number): CourseAggregate {
  return {
    id: uuidv7(at),
    instructorId: ann.sub?.slice("user:".length) ?? "",
    instructorName: "Demo Instructor",
    instructorActive: true,
    title: "Sailing",
    summary: "Knots",
    tags: [],
    state: "published",
    lessonCount: 0,
    learners: 0,
    completions: 0,
    lessons: [],
    version: 1,
    createdAt: at,
    updatedAt: at,
    publishedAt: at,
  };
}

/** The delay of each course after the one before; often none. */
const gaps = fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 12 });

for (const mine of [false, true]) {
  const name = mine ? "one's own courses" : "published courses";
  Deno.test(`the pages of ${name} contain each once, in order, while others are added`, async () => {
    await fc.assert(
      fc.asyncProperty(gaps, gaps, fc.integer({ min: 1, max: 5 }), async (early, late, limit) => {
        using platform = await setupCourse();
        const { store } = platform;
        let at = platform.clock.now();
        const insert = async (gap: number) => {
          const course = publishedAt(at += gap);
          await store.insert(course);
          return course.id;
        };
        const known: string[] = [];
        for (const gap of early) known.push(await insert(gap));
        const seen: { id: string; publishedAt: string | null }[] = [];
        let cursor: string | null = "";
        while (cursor !== null) {
          const query: string = `limit=${limit}${mine ? "&mine=true" : ""}` +
            (cursor === "" ? "" : `&cursor=${cursor}`);
          const response = platform.call("GET", `/courses?${query}`, { as: ann });
          const page = await expectJson(response, 200, CourseList);
          assert.ok(page.items.length <= limit);
          seen.push(...page.items);
          cursor = page.nextCursor;
          for (const gap of late.splice(0, 2)) await insert(gap);
        }
        const keys = seen.map(({ id, publishedAt }) => `${publishedAt} ${id}`);
        assert.deepEqual(keys, keys.toSorted().toReversed());
        assert.equal(new Set(keys).size, keys.length);
        const ids = new Set(seen.map(({ id }) => id));
        assert.deepEqual(known.filter((id) => !ids.has(id)), []);
      }),
      { numRuns: 40 },
    );
  });
}
