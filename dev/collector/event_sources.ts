import { readNumber, readOptionalNumber, readOptionalText, readText } from "./rows.ts";
import { type Database, openAnyForReading, type Param, type Row } from "./database.ts";
import type { OutboxLevel } from "./api.ts";

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

/** A service's own database on this machine. */
export interface OutboxFile {
  readonly service: string;
  readonly path: string;
}

/** An event as its outbox stores it. */
export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  readonly traceId: string;
  readonly storedAt: number;
  readonly publishedAt: number | null;
  readonly attempts: number;
  readonly nextAt: number | null;
  readonly parked: string | null;
}

const columns = `id, subject, created_at, published_at, attempts, next_attempt_at, parked,
  json_extract(event, '$.type') AS type, json_extract(event, '$.traceparent') AS traceparent`;
const waits = "published_at IS NULL AND parked IS NULL";

/** How many events wait in each outbox; a file that cannot be read has none. */
export function readLevels(files: readonly OutboxFile[]): OutboxLevel[] {
  return files.flatMap(({ service, path }) => {
    const [row] = look(path, (db) =>
      db.all(`SELECT
        (SELECT count(*) FROM outbox WHERE ${waits}) AS waiting,
        (SELECT count(*) FROM outbox WHERE parked IS NOT NULL) AS parked,
        (SELECT min(created_at) FROM outbox WHERE ${waits}) AS oldest`));
    if (!row) return [];
    return [{
      service,
      waiting: readNumber(row, "waiting"),
      parked: readNumber(row, "parked"),
      oldest: readOptionalNumber(row, "oldest"),
    }];
  });
}

/** What a request has put into any outbox; a published event stays there for days. */
export function readStoredOfTrace(files: readonly OutboxFile[], traceId: string): StoredEvent[] {
  return readStored(files, "WHERE instr(event, ?) > 0 ORDER BY rowid LIMIT 100", [traceId])
    .filter((stored) => stored.traceId === traceId);
}

/** The newest of each outbox, and these. */
export function readStoredEvents(
  files: readonly OutboxFile[],
  { ids, newest }: { ids: readonly string[]; newest: number },
): StoredEvent[] {
  const json = JSON.stringify(ids);
  return [
    ...readStored(files, "WHERE id IN (SELECT value FROM json_each(?))", [json]),
    ...readStored(
      files,
      `WHERE id NOT IN (SELECT value FROM json_each(?)) ORDER BY rowid DESC
       LIMIT CAST(? AS INTEGER)`,
      [json, newest],
    ),
  ];
}

function readStored(
  files: readonly OutboxFile[],
  rest: string,
  params: readonly Param[],
): StoredEvent[] {
  return files.flatMap(({ service, path }) =>
    look(path, (db) => db.all(`SELECT ${columns} FROM outbox ${rest}`, ...params))
      .map((row) => toStored(row, service))
  );
}

/** A database may be created or moved during the read: one that cannot be read shows nothing. */
function look(path: string, read: (db: Database) => Row[]): Row[] {
  try {
    using db = openAnyForReading(path);
    return read(db);
  } catch {
    return [];
  }
}

function toStored(row: Row, source: string): StoredEvent {
  const publishedAt = readOptionalNumber(row, "published_at");
  const nextAt = readNumber(row, "next_attempt_at");
  return {
    id: readText(row, "id"),
    type: readText(row, "type"),
    subject: readText(row, "subject"),
    source,
    traceId: readText(row, "traceparent").split("-")[1] ?? "",
    storedAt: readNumber(row, "created_at"),
    publishedAt,
    attempts: readNumber(row, "attempts"),
    nextAt: publishedAt === null && nextAt > 0 ? nextAt : null,
    parked: readOptionalText(row, "parked"),
  };
}
