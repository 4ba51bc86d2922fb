import { readNumber, readOptionalNumber, readOptionalText, readText } from "./cells.ts";
import type { Database, Param, Row } from "./database.ts";

/** What QStash did with an event on its way to a consumer. */
export interface DeliveryNote {
  readonly time: number;
  /** `failed` is one attempt, `dead` the end of all. */
  readonly state: "accepted" | "delivered" | "failed" | "dead" | "cancelled";
  readonly messageId: string;
  readonly consumer: string;
  readonly status: number | null;
  readonly outcome: string | null;
  readonly nextAt: number | null;
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  /** When the change behind the event was made. */
  readonly storedAt: number;
  readonly traceId: string;
}

/** Stores notes of deliveries. */
export interface Deliveries {
  write(notes: readonly DeliveryNote[]): void;
}

const maxNotes = 200_000;
const pruneEvery = 5_000;

/** Stores notes, and deletes the oldest. */
export function createDeliveries(db: Database): Deliveries {
  let untilPruned = 0;
  return {
    write(notes) {
      db.atomically(() => notes.forEach((note) => add(db, note)));
      untilPruned -= notes.length;
      if (untilPruned > 0) return;
      untilPruned = pruneEvery;
      db.run("DELETE FROM deliveries WHERE id <= (SELECT max(id) FROM deliveries) - ?", maxNotes);
    },
  };
}

function add(db: Database, note: DeliveryNote): void {
  db.run(
    `INSERT INTO deliveries (time, state, message_id, consumer, status, outcome, next_at, event_id,
       type, subject, source, stored_at, trace_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    note.time,
    note.state,
    note.messageId,
    note.consumer,
    note.status,
    note.outcome,
    note.nextAt,
    note.eventId,
    note.type,
    note.subject,
    note.source,
    note.storedAt,
    note.traceId,
  );
}

/** The notes of the events that a request caused, the earliest first. */
export function readNotesOfTrace(db: Database, traceId: string): DeliveryNote[] {
  return readNotes(db, "trace_id = ?", traceId);
}

/** The notes of these events, the earliest first. */
export function readNotesOfEvents(db: Database, ids: readonly string[]): DeliveryNote[] {
  return readNotes(db, "event_id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
}

/** The events with the newest notes. */
export function listRecentEvents(db: Database, limit: number): string[] {
  return db.all(
    `SELECT event_id FROM (SELECT event_id, id FROM deliveries ORDER BY id DESC LIMIT ?)
     GROUP BY event_id ORDER BY max(id) DESC LIMIT ?`,
    limit * 10,
    limit,
  ).map((row) => readText(row, "event_id"));
}

function readNotes(db: Database, where: string, param: Param): DeliveryNote[] {
  return db.all(`SELECT * FROM deliveries WHERE ${where} ORDER BY id LIMIT 5000`, param)
    .map(toNote);
}

function toNote(row: Row): DeliveryNote {
  const states = ["accepted", "delivered", "failed", "dead", "cancelled"] as const;
  return {
    time: readNumber(row, "time"),
    state: states.find((state) => state === row.state) ?? "accepted",
    messageId: readText(row, "message_id"),
    consumer: readText(row, "consumer"),
    status: readOptionalNumber(row, "status"),
    outcome: readOptionalText(row, "outcome"),
    nextAt: readOptionalNumber(row, "next_at"),
    eventId: readText(row, "event_id"),
    type: readText(row, "type"),
    subject: readText(row, "subject"),
    source: readText(row, "source"),
    storedAt: readNumber(row, "stored_at"),
    traceId: readText(row, "trace_id"),
  };
}
