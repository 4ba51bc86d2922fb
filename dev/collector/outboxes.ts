import type { OutboxLevel } from "./api.ts";
import { readNumber, readOptionalNumber, readOptionalText, readText } from "./cells.ts";
import { type Database, openAnyForReading, type Param, type Row } from "./database.ts";

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
