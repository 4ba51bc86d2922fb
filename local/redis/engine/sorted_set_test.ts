import assert from "node:assert/strict";
import fc from "fast-check";
import { createSortedSet } from "./sorted_set.ts";

const member = fc.constantFrom("a", "b", "c", "d", "e", "\xff", "");
const score = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(Infinity, -Infinity, 0.5));
const step = fc.record({ member, score: fc.option(score, { nil: undefined }) });

Deno.test("a sorted set keeps its order, and each member once, through any changes", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const set = createSortedSet();
    const model = new Map<string, number>();
    for (const { member, score } of steps) {
      if (score === undefined) assert.equal(set.delete(member), model.delete(member));
      else {
        set.set(member, score);
        model.set(member, score);
      }
    }
    const expected = [...model].map(([member, score]) => ({ member, score })).sort((left, right) =>
      left.score === right.score
        ? Number(left.member > right.member) - Number(left.member < right.member)
        : left.score < right.score
        ? -1
        : 1
    );
    assert.deepEqual(set.ranking, expected);
    for (const [rank, { member, score }] of expected.entries()) {
      assert.deepEqual([set.rank(member), set.score(member)], [rank, score]);
    }
    assert.equal(set.rank("none"), undefined);
  }));
});
