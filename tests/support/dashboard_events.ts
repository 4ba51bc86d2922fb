import type { DeadEvent, Events, EventTrail } from "../../dev/collector/api.ts";

/** Events that the page's tests change. */
export type SampleEvents = { -readonly [Key in keyof Events]: Events[Key] };

const subject = "01931c2e-aaaa-7b11-8a52-1f0a9f3ac777";

/** An enrollment, delivered to course at the second attempt. */
export function makeTrail(
  { traceId, time }: { readonly traceId: string; readonly time: number },
): EventTrail {
  return {
    id: "01931c2e-eeee-7b11-8a52-1f0a9f3ac001",
    type: "enrollment.created",
    subject,
    source: "enrollment",
    traceId,
    state: "done",
    storedAt: time + 30,
    publishedAt: time + 60,
    publishAttempts: 1,
    nextPublishAt: null,
    parked: null,
    deliveries: [{
      consumer: "course",
      state: "delivered",
      attempts: [
        { time: time + 80, status: 503, outcome: "busy" },
        { time: time + 1_090, status: 200, outcome: "applied" },
      ],
      nextAt: null,
    }],
  };
}

/** One sample of each kind. */
export function makeEvents(now: number): SampleEvents {
  const traceId = "0a".repeat(16);
  const done = makeTrail({ traceId, time: now - 90_000 });
  const waiting = {
    ...done,
    id: "e-waiting",
    type: "user.profile-changed",
    source: "user",
    state: "waiting",
    publishedAt: null,
    publishAttempts: 3,
    nextPublishAt: now + 4_000,
    deliveries: [],
  } as const;
  const dead = {
    ...done,
    id: "e-dead",
    type: "course.changed",
    source: "course",
    state: "dead",
    deliveries: [{ consumer: "enrollment", state: "dead", attempts: [], nextAt: null }],
  } as const;
  return {
    outboxes: [
      { service: "user", waiting: 7, parked: 1, oldest: now - 65_000 },
      { service: "course", waiting: 0, parked: 0, oldest: null },
    ],
    events: [waiting, dead, done],
    deadLetters: [makeLetter(1, now, 500), makeLetter(2, now, 489)],
    trouble: "",
  };
}

function makeLetter(at: number, now: number, status: number): DeadEvent {
  return {
    id: `${now}-${at}`,
    consumer: "enrollment",
    eventId: `e-dead-${at}`,
    type: at === 1 ? "course.changed" : "course.deleted",
    subject,
    traceId: "0a".repeat(16),
    failedAt: now - 60_000,
    status,
    poison: status === 489,
  };
}
