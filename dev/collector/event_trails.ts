import type { DeliveryAttempt, EventDelivery, EventState, EventTrail, Span } from "./api.ts";
import type { Database } from "./database.ts";
import {
  type DeliveryNote,
  listRecentEvents,
  type OutboxFile,
  readNotesOfEvents,
  readNotesOfTrace,
  readStoredEvents,
  readStoredOfTrace,
  type StoredEvent,
} from "./event_sources.ts";

/** What is stored of one event, by source. */
interface Sources {
  stored: StoredEvent | undefined;
  readonly notes: DeliveryNote[];
  /** Its publications and the consumers' handling of it. */
  readonly spans: Span[];
}

/**
 * The trail of each event that a request caused, the earliest first.
 *
 * Its outbox has when it was stored and published, the local QStash has each delivery, and spans
 * have both where the database or QStash is elsewhere.
 */
export function readTrails(
  db: Database,
  { traceId, spans, outboxes }: {
    readonly traceId: string;
    readonly spans: readonly Span[];
    readonly outboxes: readonly OutboxFile[];
  },
): EventTrail[] {
  const stored = readStoredOfTrace(outboxes, traceId);
  const all = join(stored, readNotesOfTrace(db, traceId), spans);
  return [...all].map(([id, sources]) => toTrail(id, traceId, sources))
    .toSorted((a, b) => a.storedAt - b.storedAt || (a.id < b.id ? -1 : 1));
}

/** The newest events of all services, the newest first. */
export function readRecentTrails(
  db: Database,
  { outboxes, limit }: { readonly outboxes: readonly OutboxFile[]; readonly limit: number },
): EventTrail[] {
  const recent = listRecentEvents(db, limit);
  const stored = readStoredEvents(outboxes, { ids: recent, newest: limit });
  const ids = [...new Set([...recent, ...stored.map(({ id }) => id)])];
  const all = join(stored, readNotesOfEvents(db, ids), []);
  return [...all].map(([id, sources]) => toTrail(id, "", sources))
    .toSorted((a, b) => b.storedAt - a.storedAt || (a.id < b.id ? 1 : -1))
    .slice(0, limit);
}

function join(
  stored: readonly StoredEvent[],
  notes: readonly DeliveryNote[],
  spans: readonly Span[],
): Map<string, Sources> {
  const all = new Map<string, Sources>();
  const at = (id: string): Sources => {
    const sources = all.get(id) ?? { stored: undefined, notes: [], spans: [] };
    all.set(id, sources);
    return sources;
  };
  for (const event of stored) at(event.id).stored = event;
  for (const note of notes) at(note.eventId).notes.push(note);
  for (const span of spans) {
    const id = span.attributes["edgepass.event.id"];
    if (typeof id === "string") at(id).spans.push(span);
  }
  return all;
}

function toTrail(id: string, traceId: string, { stored, notes, spans }: Sources): EventTrail {
  const [note] = notes;
  const publications = spans.filter(({ kind }) => kind === "producer");
  const publication = publications.findLast((span) =>
    span.attributes["edgepass.outcome"] === "published"
  );
  const publishedAt = stored?.publishedAt ??
    (publication && publication.start + publication.durationMs) ?? note?.time ??
    null;
  const deliveries = notes.length > 0 ? toDeliveries(notes) : fromSpans(spans);
  const [first] = spans;
  const parked = publishedAt === null ? stored?.parked ?? readParked(publications) : null;
  return {
    id,
    type: stored?.type ?? note?.type ?? text(first, "edgepass.event.type"),
    subject: stored?.subject ?? note?.subject ?? text(first, "edgepass.event.subject"),
    source: stored?.source ?? note?.source ?? publications[0]?.service ?? "",
    traceId: stored?.traceId ?? note?.traceId ?? traceId,
    state: toState({ publishedAt, parked, deliveries, isSeen: notes.length > 0 }),
    storedAt: stored?.storedAt ?? note?.storedAt ?? first?.start ?? 0,
    publishedAt,
    publishAttempts: stored?.attempts ?? publications.length,
    nextPublishAt: publishedAt === null ? stored?.nextAt ?? null : null,
    parked,
    deliveries,
  };
}

function toState(
  { publishedAt, parked, deliveries, isSeen }: {
    publishedAt: number | null;
    parked: string | null;
    deliveries: readonly EventDelivery[];
    isSeen: boolean;
  },
): EventState {
  const some = (state: EventDelivery["state"]) => deliveries.some((one) => one.state === state);
  if (parked !== null) return "parked";
  if (publishedAt === null) return "waiting";
  if (some("dead")) return "dead";
  if (!isSeen) return "published";
  if (some("retrying")) return "retrying";
  return some("under way") ? "under way" : "done";
}

/** All notes of one consumer in their order: the last message is the one that counts. */
function toDeliveries(notes: readonly DeliveryNote[]): EventDelivery[] {
  return [...Map.groupBy(notes, ({ consumer }) => consumer)].map(([consumer, own]) => {
    const last = own.at(-1);
    const attempts = own.filter(({ state }) => state === "failed" || state === "delivered");
    return {
      consumer,
      state: toDeliveryState(last),
      attempts: attempts.map(({ time, status, outcome }) => ({ time, status, outcome })),
      nextAt: last?.state === "failed" ? last.nextAt : null,
    };
  });
}

function toDeliveryState(last: DeliveryNote | undefined): EventDelivery["state"] {
  if (last?.state === "failed") return last.nextAt === null ? "dead" : "retrying";
  return last === undefined || last.state === "accepted" ? "under way" : last.state;
}

/** Deliveries by the consumers' spans; these do not show whether QStash tries again. */
function fromSpans(spans: readonly Span[]): EventDelivery[] {
  const consumed = spans.filter(({ kind }) => kind === "consumer");
  return [...Map.groupBy(consumed, ({ service }) => service)].map(([consumer, own]) => {
    const attempts = own.map((span): DeliveryAttempt => ({
      time: span.start + span.durationMs,
      status: null,
      outcome: text(span, "edgepass.outcome") || null,
    }));
    const isTaken = attempts.some(({ outcome }) => accepted.has(outcome ?? ""));
    const isPoison = attempts.at(-1)?.outcome === "poison";
    const state = isTaken ? "delivered" : isPoison ? "dead" : "retrying";
    return { consumer, state, attempts, nextAt: null };
  });
}

const accepted: ReadonlySet<string> = new Set(["applied", "duplicate", "stale"]);

function readParked(publications: readonly Span[]): string | null {
  const last = publications.at(-1);
  return last?.attributes["edgepass.outcome"] === "parked" ? "QStash has refused it" : null;
}

function text(span: Span | undefined, name: string): string {
  const value = span?.attributes[name];
  return typeof value === "string" ? value : "";
}
