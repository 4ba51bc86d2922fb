import { parseJson } from "@edgepass/shared/crypto";
import { readTraceparent } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import type { DeliveryNote } from "../collector/mod.ts";
import type { LogNote } from "@edgepass/local/qstash";

const Event = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  source: z.string(),
  time: z.iso.datetime({ offset: true }),
  traceparent: z.string(),
});
const ConsumerResponse = z.object({
  outcome: z.optional(z.string()),
  code: z.optional(z.string()),
});

const states = {
  CREATED: "accepted",
  DELIVERED: "delivered",
  ERROR: "failed",
  FAILED: "dead",
  CANCELED: "cancelled",
} as const;

/** Codes by which a consumer reports what it did with an event. */
const outcomes: Readonly<Record<string, string>> = {
  event_unusable: "poison",
  event_postponed: "busy",
  store_unavailable: "busy",
};

/** What a note of QStash's log reports of an event's delivery; undefined for any other message. */
export function toDeliveryNote(
  { time, state, letter, attempt, nextDeliveryTime }: LogNote,
): DeliveryNote | undefined {
  const [, consumer] = /\/events\/([a-z]+)$/.exec(letter.url) ?? [];
  if (consumer === undefined || !isReported(state)) return undefined;
  const { data: event } = z.safeParse(Event, parse(letter.body));
  const trace = event && readTraceparent(event.traceparent);
  if (!event || !trace) return undefined;
  return {
    time,
    state: states[state],
    messageId: letter.id,
    consumer,
    status: attempt?.status || null,
    outcome: attempt ? readOutcome(attempt.body) : null,
    nextAt: nextDeliveryTime ?? null,
    eventId: event.id,
    type: event.type,
    subject: event.subject,
    source: event.source.replace(/^\//, ""),
    storedAt: Date.parse(event.time),
    traceId: trace.traceId,
  };
}

/** The start of an attempt and a coming retry need no note: the other states cover them. */
function isReported(state: LogNote["state"]): state is keyof typeof states {
  return Object.hasOwn(states, state);
}

function readOutcome(body: Uint8Array): string | null {
  const { data } = z.safeParse(ConsumerResponse, parse(body));
  const { outcome, code } = data ?? {};
  return outcome ?? (code === undefined ? null : outcomes[code] ?? code);
}

function parse(body: Uint8Array): unknown {
  return parseJson(new TextDecoder().decode(body));
}
