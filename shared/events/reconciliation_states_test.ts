import assert from "node:assert/strict";
import fc from "fast-check";
import { compareStates } from "./reconciliation_states.ts";

const ids = fc.integer({ min: 0, max: 30 }).map((at) => `s${String(at).padStart(2, "0")}`);
const lists = fc.uniqueArray(fc.record({ subject: ids, value: fc.integer({ min: 0, max: 1 }) }), {
  selector: ({ subject }) => subject,
  maxLength: 25,
}).map((list) => list.toSorted((a, b) => a.subject < b.subject ? -1 : 1));

Deno.test("merging two sorted lists finds the same differences as comparing sets", () => {
  fc.assert(fc.property(lists, lists, fc.boolean(), (listed, projected, whole) => {
    const states = listed.map(({ subject, value }) => ({ subject, type: "t", data: value }));
    const found = compareStates(states, projected, {
      whole,
      matches: ({ data }, { value }) => data === value,
    });
    const [source, consumer] = [listed, projected].map((list) =>
      new Map(list.map(({ subject, value }) => [subject, value]))
    );
    assert.ok(source && consumer);
    const both = [...source.keys()].filter((subject) => consumer.has(subject));
    assert.deepEqual(found, {
      compared: both.length,
      missing: whole ? [...source.keys()].filter((subject) => !consumer.has(subject)) : [],
      different: both.filter((subject) => source.get(subject) !== consumer.get(subject)),
      ghosts: [...consumer.keys()].filter((subject) => !source.has(subject)),
    });
  }));
});
