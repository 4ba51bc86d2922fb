import assert from "node:assert/strict";
import fc from "fast-check";
import {
  emptyList,
  type ListRules,
  type LiveList,
  maxHeld,
  released,
  withArrivals,
  withNewest,
  withOlder,
  withUpdates,
} from "./live_list.ts";

interface Item {
  readonly id: number;
  readonly time: number;
  readonly word?: string;
}

const rules: ListRules<Item> = {
  keyOf: ({ id }) => String(id),
  timeOf: ({ time }) => time,
  matches: ({ word }) => word !== "unfit",
};
const item = (id: number, word = ""): Item => ({ id, time: id, word });
const idsOf = (items: readonly Item[]) => items.map(({ id }) => id);
const list: LiveList<Item> = { items: [item(5), item(3), item(1)], held: [], next: "1" };

Deno.test("an arrival is sorted in by its time", () => {
  const grown = withArrivals(list, [item(4), item(6), item(0)], rules, false);
  assert.deepEqual(idsOf(grown.items), [6, 5, 4, 3, 1, 0]);
});

Deno.test("an arrival of a present item replaces it in its position", () => {
  const changed = withArrivals(list, [item(3, "again")], rules, false);
  assert.deepEqual(changed.items, [item(5), item(3, "again"), item(1)]);
});

Deno.test("an item that no longer matches is removed, and one that never did is not added", () => {
  const changed = withArrivals(list, [item(3, "unfit"), item(7, "unfit")], rules, false);
  assert.deepEqual(idsOf(changed.items), [5, 1]);
});

Deno.test("a list that stands still holds arrivals, and updates items in their position", () => {
  const held = withArrivals(list, [item(6), item(3, "again")], rules, true);
  assert.deepEqual(held.items, [item(5), item(3, "again"), item(1)]);
  assert.deepEqual(idsOf(held.held), [6]);
  const changed = withArrivals(held, [item(6, "again")], rules, true);
  assert.deepEqual(changed.held, [item(6, "again")]);
  const loose = released(changed, rules);
  assert.deepEqual(idsOf(loose.items), [6, 5, 3, 1]);
  assert.deepEqual(loose.held, []);
});

Deno.test("the number of held items is bounded", () => {
  const many = Array.from({ length: maxHeld + 50 }, (_, at) => item(10 + at));
  assert.equal(withArrivals(list, many, rules, true).held.length, maxHeld);
});

Deno.test("the newest page replaces the list, except for items that arrived meanwhile", () => {
  const page = { items: [item(9), item(8)], next: "8" };
  const fresh = withNewest(page, [item(10), item(9, "again"), item(11, "unfit")], rules);
  assert.deepEqual(fresh.items, [item(10), item(9, "again"), item(8)]);
  assert.equal(fresh.next, "8");
});

Deno.test("the newest page of a list that is being read is held, except for present items", () => {
  const page = { items: [item(6), item(5, "again")], next: "5" };
  const updated = withUpdates(list, page, rules);
  assert.deepEqual(updated.items, [item(5, "again"), item(3), item(1)]);
  assert.deepEqual(idsOf(updated.held), [6]);
  assert.equal(updated.next, "1");
});

Deno.test("an older page goes to the end, without present items", () => {
  const older = withOlder(list, { items: [item(1), item(0)], next: null }, rules);
  assert.deepEqual(idsOf(older.items), [5, 3, 1, 0]);
  assert.equal(older.next, null);
});

Deno.test("no arrival is lost or duplicated, in any order and with any pauses", () => {
  const arbitraryArrivals = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), {
    maxLength: 60,
  });
  fc.assert(fc.property(arbitraryArrivals, (arrivals) => {
    let all: LiveList<Item> = emptyList;
    for (const [id, isLocked] of arrivals) all = withArrivals(all, [item(id)], rules, isLocked);
    const ids = idsOf(released(all, rules).items);
    const expected = [...new Set(arrivals.map(([id]) => id))].sort((a, b) => b - a);
    assert.deepEqual(ids, expected);
  }));
});
