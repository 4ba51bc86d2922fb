import { type SQL, sql as text, type SQLWrapper } from "drizzle-orm";
import * as z from "zod/mini";
import type { Logger } from "../log.ts";
import { type Redis, RedisUnavailable, sequenceMarkKey } from "../redis/mod.ts";
import { type SqlDb, StoreUnavailable } from "../sql/statement.ts";
import type { Changes, Orm } from "../sql/store.ts";

/**
 * A condition that is true while none of these subjects is deleted, for a statement of the
 * service's own database. A subject is an id, or a column with an id.
 *
 * A row that is written after the deletion of its subject would never be deleted: that event was
 * applied already.
 */
export function isNotDeleted(...subjects: readonly (string | SQLWrapper)[]): SQL {
  const list = text.join(subjects.map((subject) => text`${subject}`), text`, `);
  return text`NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject IN (${list}))`;
}

const floorText = "coalesce((SELECT sequence FROM event_sequences WHERE subject = ''), 0)";

/**
 * Every new sequence of a database is above its floor, for every subject.
 *
 * A restored database has lost events that it had numbered, and consumers refuse the same sequences
 * as stale. The floor is a row of `event_sequences` with a subject that no event can have.
 */
export const sequenceFloor = text.raw(floorText);

/** Raises the floor; a value below the current one changes nothing. */
export async function raiseSequenceFloor(sql: SqlDb, to: number): Promise<void> {
  await sql.run({
    sql: `INSERT INTO event_sequences (subject, sequence) VALUES ('', CAST(? AS INTEGER))
      ON CONFLICT (subject) DO UPDATE SET sequence = excluded.sequence
      WHERE excluded.sequence > event_sequences.sequence`,
    params: [to],
  });
}

/** Reads the floor, which every new sequence exceeds. */
export async function readSequenceFloor(sql: SqlDb): Promise<number> {
  const [row] = await sql.run({ sql: `SELECT ${floorText}`, params: [] });
  return Number(row?.[0] ?? 0);
}

/** Rows in the events database of a service that belong to subjects. */
export interface SubjectStore {
  /** The statements that delete a subject's rows, for the batch that writes its tombstone. */
  deletionOf(db: Orm, subject: string): Changes;
}

/** The statements that delete a subject's rows from all stores. */
export type DeletionOf = SubjectStore["deletionOf"];

/** Creates the list of stores that a subject's deletion covers; stores may register later. */
export function createSubjectStores(): {
  readonly stores: SubjectStore[];
  readonly deletionOf: DeletionOf;
} {
  const stores: SubjectStore[] = [];
  return {
    stores,
    deletionOf: (db, subject) => stores.flatMap((store) => store.deletionOf(db, subject)),
  };
}

/** The last sequence that this source has assigned to each of these subjects. */
export async function readSequences(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return await readNumbers(sql, {
    query: `SELECT subject, sequence FROM event_sequences
      WHERE subject IN (SELECT value FROM json_each(?))`,
    params: [JSON.stringify(subjects)],
  });
}

/** The highest sequence that a consumer has applied for each of these subjects of a source. */
export async function readAppliedSequences(
  sql: SqlDb,
  source: string,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return await readNumbers(sql, {
    query: `SELECT subject, max(sequence) FROM event_versions
      WHERE source = ? AND subject IN (SELECT value FROM json_each(?)) GROUP BY subject`,
    params: [`/${source}`, JSON.stringify(subjects)],
  });
}

/** The subjects among these that are deleted in this service. */
export async function readEnded(
  sql: SqlDb,
  subjects: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.run({
    sql: "SELECT subject FROM ended_subjects WHERE subject IN (SELECT value FROM json_each(?))",
    params: [JSON.stringify(subjects)],
  });
  return new Set(rows.map(([subject]) => String(subject)));
}

async function readNumbers(
  sql: SqlDb,
  { query, params }: { readonly query: string; readonly params: string[] },
): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.run({ sql: query, params });
  return new Map(rows.map(([subject, sequence]) => [String(subject), Number(sequence)]));
}

/** The last event that a database has published. */
const Mark = z.object({
  subject: z.string(),
  sequence: z.number().check(z.refine(Number.isSafeInteger), z.gte(1)),
});
/** An event's subject and sequence. */
export type Mark = z.output<typeof Mark>;

/** Stores the last published event outside of the database. */
export interface SequenceMark {
  /** Compares the database with the mark; at most once a minute. */
  check(): Promise<void>;
  /** Compares, then moves the mark to an event that was published. */
  move(mark: Mark): Promise<void>;
}

const intervalMs = 60_000;

/**
 * Creates the mark of a service's database, stored in Redis.
 *
 * A database that was restored from an older backup assigns sequences for a second time, and
 * consumers refuse such events as stale for ever. The mark names one published event. A database
 * without that event was restored. Then its sequence floor is raised above every sequence it can
 * have assigned, so that new changes reach consumers, and one log line names the repair of the lost
 * ones.
 *
 * A missing mark, or a Redis that does not respond or is read-only, means unknown: it never
 * prevents a start.
 */
export function createSequenceMark(
  { service, sql, redis, log, now }: {
    readonly service: string;
    readonly sql: SqlDb;
    readonly redis: Redis;
    readonly log: Logger;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
): SequenceMark {
  const key = sequenceMarkKey(service);
  let checkedAt: number | undefined;
  let isOutageLogged = false;

  async function compare(): Promise<void> {
    checkedAt = now();
    const [text] = await redis.pipeline((pipeline) => pipeline.get(key));
    const mark = readMark(text);
    if (!mark || await isKnown(sql, mark)) return;
    await raiseSequenceFloor(sql, Math.max(now(), mark.sequence));
    log.error("Event sequence went back: was the database restored? Run events:verify --repair", {
      service,
      subject: mark.subject,
      publishedSequence: mark.sequence,
    });
  }

  async function logOutage(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const isAway = cause instanceof RedisUnavailable || cause instanceof StoreUnavailable;
      if (!isAway) throw cause;
      if (!isOutageLogged) log.warn("Event sequence cannot be compared with Redis", { cause });
      isOutageLogged = true;
    }
  }

  return {
    async check() {
      const at = now();
      // A time in the future means that the clock was set back; it must not stop the check.
      if (checkedAt !== undefined && checkedAt <= at && at - checkedAt < intervalMs) return;
      await logOutage(compare);
    },
    move: (mark) =>
      logOutage(async () => {
        // Compare first: the next event of a restored database would overwrite the mark that shows
        // it.
        await compare();
        await redis.pipeline((pipeline) => pipeline.set(key, JSON.stringify(mark)));
      }),
  };
}

/** A mark below the floor counts as known: the restore was detected and reported before. */
async function isKnown(sql: SqlDb, { subject, sequence }: Mark): Promise<boolean> {
  const assigned = (await readSequences(sql, [subject])).get(subject) ?? 0;
  return assigned >= sequence || await readSequenceFloor(sql) >= sequence;
}

function readMark(text: unknown): Mark | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return z.safeParse(Mark, JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
