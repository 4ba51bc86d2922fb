import type { DeliveryAttempt, EventDelivery, EventTrail } from "../api_types.ts";

/** One thing that happened to an event, or will. */
export interface EventStep {
  /** Epoch milliseconds; null for the current state. */
  readonly time: number | null;
  readonly text: string;
  readonly kind: "done" | "waits" | "bad";
}

/** The trail of an event in words, in order. */
export function toEventSteps(trail: EventTrail): EventStep[] {
  const { source, storedAt, deliveries } = trail;
  const attempts = deliveries.flatMap(toAttempts)
    .toSorted((a, b) => (a.time ?? 0) - (b.time ?? 0));
  return [
    { time: storedAt, text: `stored in the outbox of ${source || "its service"}`, kind: "done" },
    ...toPublication(trail),
    ...attempts,
    ...deliveries.flatMap(toStatusSteps),
  ];
}

function toPublication(trail: EventTrail): EventStep[] {
  const { source, publishedAt, publishAttempts: count, nextPublishAt, parked } = trail;
  const tried = count > 0 ? `, after ${toTimes(count)}` : "";
  if (publishedAt !== null) {
    const text = `published to QStash${count > 1 ? ` at the ${toOrdinal(count)} attempt` : ""}`;
    return [{ time: publishedAt, text, kind: "done" }];
  }
  if (parked !== null) return [{ time: null, text: `parked${tried}: ${parked}`, kind: "bad" }];
  const waits = `waits in the outbox of ${source}${tried}`;
  return [
    { time: null, text: waits, kind: "waits" },
    ...(nextPublishAt === null
      ? []
      : [{ time: nextPublishAt, text: "next attempt to publish", kind: "waits" } as const]),
  ];
}

function toAttempts({ consumer, attempts }: EventDelivery): EventStep[] {
  return attempts.map((attempt, at) => {
    const ordinal = attempts.length > 1 ? `, ${toOrdinal(at + 1)} attempt` : "";
    const isTaken = taken.has(attempt.outcome ?? "") || isSuccess(attempt);
    return {
      time: attempt.time,
      text: isTaken
        ? `delivered to ${consumer}${ordinal}: ${toAnswer(attempt)}`
        : `delivery to ${consumer} failed${ordinal}: ${toAnswer(attempt)}`,
      kind: isTaken ? "done" : "bad",
    };
  });
}

/** The current state with a consumer that has not taken the event. */
function toStatusSteps({ consumer, state, nextAt }: EventDelivery): EventStep[] {
  switch (state) {
    case "under way":
      return [{ time: null, text: `on its way to ${consumer}`, kind: "waits" }];
    case "retrying":
      return [{ time: nextAt, text: `next delivery to ${consumer}`, kind: "waits" }];
    case "dead":
      return [{ time: null, text: `a dead letter: not delivered to ${consumer}`, kind: "bad" }];
    case "cancelled":
      return [{ time: null, text: `cancelled on its way to ${consumer}`, kind: "bad" }];
    case "delivered":
      return [];
  }
}

const taken: ReadonlySet<string> = new Set(["applied", "duplicate", "stale"]);

function isSuccess({ status }: DeliveryAttempt): boolean {
  return status !== null && status >= 200 && status < 300;
}

function toAnswer({ status, outcome }: DeliveryAttempt): string {
  if (status === null) return outcome ?? "no response";
  return outcome === null ? `status ${status}` : `${outcome} (${status})`;
}

function toTimes(count: number): string {
  return count === 1 ? "1 attempt" : `${count} attempts`;
}

function toOrdinal(count: number): string {
  const last = count % 100 > 10 && count % 100 < 14 ? 0 : count % 10;
  return `${count}${["th", "st", "nd", "rd"][last] ?? "th"}`;
}
