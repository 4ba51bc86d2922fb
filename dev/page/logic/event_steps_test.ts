import assert from "node:assert/strict";
import type { EventTrail } from "../api_types.ts";
import { toEventSteps } from "./event_steps.ts";

const trail: EventTrail = {
  id: "e1",
  type: "course.changed",
  subject: "c1",
  source: "course",
  traceId: "0".repeat(32),
  state: "done",
  storedAt: 1,
  publishedAt: 2,
  publishAttempts: 1,
  nextPublishAt: null,
  parked: null,
  deliveries: [],
};
const unpublished = { ...trail, publishedAt: null };
const to = (more: Partial<EventTrail["deliveries"][number]>): Partial<EventTrail> => ({
  deliveries: [{
    consumer: "enrollment",
    state: "delivered",
    attempts: [],
    nextAt: null,
    ...more,
  }],
});
const busy = { time: 3, status: 503, outcome: "busy" };

const cases: Readonly<Record<string, readonly [Partial<EventTrail>, readonly string[]]>> = {
  "an unpublished event": [{ publishedAt: null, publishAttempts: 0 }, [
    "- waits in the outbox of course",
  ]],
  "one that QStash did not accept yet": [{ ...unpublished, publishAttempts: 3, nextPublishAt: 9 }, [
    "- waits in the outbox of course, after 3 attempts",
    "9 next attempt to publish",
  ]],
  "a parked one": [{ ...unpublished, parked: "too large" }, [
    "- parked, after 1 attempt: too large",
  ]],
  "one that was applied at once": [
    to({ attempts: [{ time: 3, status: 200, outcome: "applied" }] }),
    ["2 published to QStash", "3 delivered to enrollment: applied (200)"],
  ],
  "one that is tried again": [
    { publishAttempts: 2, ...to({ state: "retrying", attempts: [busy], nextAt: 7 }) },
    [
      "2 published to QStash at the 2nd attempt",
      "3 delivery to enrollment failed: busy (503)",
      "7 next delivery to enrollment",
    ],
  ],
  "a dead letter": [
    to({ state: "dead", attempts: [busy, { time: 4, status: null, outcome: null }] }),
    [
      "2 published to QStash",
      "3 delivery to enrollment failed, 1st attempt: busy (503)",
      "4 delivery to enrollment failed, 2nd attempt: no response",
      "- a dead letter: not delivered to enrollment",
    ],
  ],
  "one under way": [to({ state: "under way" }), [
    "2 published to QStash",
    "- on its way to enrollment",
  ]],
};

for (const [what, [more, expected]] of Object.entries(cases)) {
  Deno.test(`the trail of ${what} is shown in order`, () => {
    const steps = toEventSteps({ ...trail, ...more });
    const lines = steps.map(({ time, text }) => `${time ?? "-"} ${text}`);
    assert.deepEqual(lines, ["1 stored in the outbox of course", ...expected]);
  });
}
