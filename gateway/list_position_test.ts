import assert from "node:assert/strict";
import { createListPosition } from "./list_position.ts";

/** The gap in what Redis says to somebody who asked just now. */
function ask(list: ReturnType<typeof createListPosition>, ready: string | null) {
  return list.findGap(ready, list.seen());
}

Deno.test("a new instance takes any position, and from then on none that is lower", () => {
  const list = createListPosition();
  assert.equal(ask(list, "a:7"), undefined);
  assert.equal(ask(list, "a:7"), undefined);
  assert.equal(ask(list, "a:9"), undefined);
  assert.equal(ask(list, "a:8"), "went_back");
  assert.equal(ask(list, "a:9"), undefined);
  assert.equal(ask(list, "a:10"), undefined);
});

Deno.test("another log is a gap, however far it has come, until a rebuild names it", () => {
  const list = createListPosition();
  assert.equal(ask(list, "a:7"), undefined);
  assert.equal(ask(list, "b:900"), "another_log");
  list.rebuilt({ identity: "b", position: 3 }, list.seen());
  assert.equal(ask(list, "a:7"), "another_log");
  assert.equal(ask(list, "b:2"), "went_back");
  assert.equal(ask(list, "b:3"), undefined);
});

const unreadable = ["1", "", "a:", ":7", "a:7:8", "a:-1", "a:1e3", "a b:7", "a:1234567890123456"];
for (const ready of unreadable) {
  Deno.test(`"${ready}" in Redis is a position that nobody knows: a gap until one rebuild`, () => {
    const list = createListPosition();
    assert.equal(ask(list, ready), "position_unknown");
    assert.equal(ask(list, ready), "position_unknown");
    list.rebuilt(undefined, list.seen());
    assert.equal(ask(list, ready), undefined);
    assert.equal(ask(list, ready), undefined);
  });
}

Deno.test("an unknown position after a known one is a gap again, each time", () => {
  const list = createListPosition();
  for (const known of ["a:7", "a:8", "a:9"]) {
    assert.equal(ask(list, known), undefined);
    assert.equal(ask(list, "1"), "position_unknown");
    list.rebuilt(undefined, list.seen());
    assert.equal(ask(list, "1"), undefined);
  }
});

Deno.test("an emptied list is a gap, whatever was seen", () => {
  const list = createListPosition();
  assert.equal(ask(list, null), "emptied");
  list.rebuilt(undefined, list.seen());
  assert.equal(ask(list, null), "emptied");
});

Deno.test("a reply that was overtaken is judged by what was known when it was asked for", () => {
  const list = createListPosition();
  ask(list, "a:7");
  const askedAt7 = list.seen();
  assert.equal(ask(list, "a:8"), undefined);
  assert.equal(list.findGap("a:7", askedAt7), undefined);
  assert.equal(ask(list, "a:7"), "went_back", "who asks now has to be told of 8");
});

Deno.test("a rebuild resets what is remembered to what it reached, and takes nothing newer back", () => {
  const list = createListPosition();
  ask(list, "a:900");
  const asked = list.seen();
  // The log was restored from a backup, and has not come so far again.
  list.rebuilt({ identity: "a", position: 5 }, asked);
  assert.equal(ask(list, "a:4"), "went_back");
  assert.equal(ask(list, "a:6"), undefined);
  list.rebuilt({ identity: "a", position: 5 }, asked);
  assert.equal(ask(list, "a:5"), "went_back");
});
