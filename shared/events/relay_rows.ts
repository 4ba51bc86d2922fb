import type { Row, SqlDb } from "../sql/statement.ts";

/** An event that one relay has claimed until its lease expires. */
export interface ClaimedRow {
  readonly id: string;
  readonly subject: string;
  readonly sequence: number;
  readonly event: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** This attempt included. */
  readonly attempts: number;
}

/** Size of the backlog. */
export interface BacklogRow {
  /** Events that are not published yet. */
  readonly waiting: number;
  /** Events that are parked until an operator releases them. */
  readonly parked: number;
  /** When the oldest unpublished event was stored, epoch milliseconds. */
  readonly oldest: number | undefined;
}

/** An event that is not published until an operator releases it. */
export interface ParkedEvent {
  /** Id of the event. */
  readonly id: string;
  /** Type of the event. */
  readonly type: string;
  /** Subject of the event. */
  readonly subject: string;
  /** Why QStash refuses it. */
  readonly reason: string;
}

/** The outbox table as a relay uses it. */
export interface RelayRows {
  /** Claims the oldest unclaimed rows; none during the pause after a failure. */
  claim(options: { now: number; until: number; limit: number }): Promise<ClaimedRow[]>;
  /** Marks rows as published. */
  markPublished(ids: readonly string[], now: number): Promise<void>;
  /** Schedules a retry; no relay publishes before that. `until` is that of the claim. */
  postpone(ids: readonly string[], options: { until: number; at: number }): Promise<void>;
  /** Parks rows: they are not tried again until `unpark`. */
  park(ids: readonly string[], reason: string): Promise<void>;
  /** The oldest hundred parked events. */
  listParked(): Promise<ParkedEvent[]>;
  /** Releases parked rows, and returns how many. */
  unpark(): Promise<number>;
  /** Counts unpublished and parked events. */
  waiting(): Promise<BacklogRow>;
  /** Deletes rows that were published before a time. */
  prune(before: number): Promise<void>;
}

/** A later time than any relay writes comes from before the clock was set back. */
const farAheadMs = 2 * 3_600_000;

const open = "published_at IS NULL AND parked IS NULL";
const listed = "id IN (SELECT value FROM json_each(?))";

type Run = (text: string, ...params: (string | number)[]) => Promise<Row[]>;

/** The statements of a relay. Ids are passed as one JSON text, because D1 takes 100 parameters. */
export function sqlRelayRows(sql: SqlDb): RelayRows {
  const json = (ids: readonly string[]) => JSON.stringify(ids);
  const run: Run = async (text, ...params) => await sql.run({ sql: text, params });
  return {
    claim: (options) => claimOldest(run, options),
    async markPublished(ids, now) {
      await run(`UPDATE outbox SET published_at = ? WHERE ${listed}`, now, json(ids));
    },
    async postpone(ids, { until, at }) {
      // A row whose lease has expired may belong to another relay; its state must not be
      // overwritten.
      await run(
        `UPDATE outbox SET claimed_until = 0, next_attempt_at = ?
         WHERE ${listed} AND ${open} AND claimed_until = ?`,
        at,
        json(ids),
        until,
      );
    },
    async park(ids, reason) {
      await run(
        `UPDATE outbox SET parked = ?, claimed_until = 0 WHERE ${listed} AND ${open}`,
        reason,
        json(ids),
      );
    },
    ...readBacklog(run),
    async prune(before) {
      await run(
        `DELETE FROM outbox WHERE id IN
         (SELECT id FROM outbox WHERE published_at < ? ORDER BY published_at LIMIT 1000)`,
        before,
      );
    },
  };
}

/** Several relays may run at a time: the lease of a claim keeps them from publishing a row twice. */
async function claimOldest(
  run: Run,
  { now, until, limit }: { now: number; until: number; limit: number },
): Promise<ClaimedRow[]> {
  const ahead = now + farAheadMs;
  const rows = await run(
    `UPDATE outbox SET claimed_until = ?, attempts = attempts + 1
         WHERE id IN (
           SELECT id FROM outbox
           WHERE ${open} AND (claimed_until <= ? OR claimed_until > ?)
           ORDER BY created_at, rowid LIMIT CAST(? AS INTEGER))
         AND NOT EXISTS (
           SELECT 1 FROM outbox
           WHERE ${open} AND next_attempt_at > 0 AND next_attempt_at > ? AND next_attempt_at <= ?)
         RETURNING id, event, created_at, attempts, rowid AS place, subject, sequence`,
    until,
    now,
    ahead,
    limit,
    now,
    ahead,
  );
  return rows
    .toSorted((a, b) => Number(a[2]) - Number(b[2]) || Number(a[4]) - Number(b[4]))
    .map(([id, event, createdAt, attempts, _place, subject, sequence]) => ({
      id: String(id),
      subject: String(subject),
      sequence: Number(sequence),
      event: String(event),
      createdAt: Number(createdAt),
      attempts: Number(attempts),
    }));
}

/** The statements of operators: what is parked, and how much waits. */
function readBacklog(run: Run): Pick<RelayRows, "listParked" | "unpark" | "waiting"> {
  return {
    async listParked() {
      const rows = await run(
        `SELECT id, json_extract(event, '$.type'), subject, parked FROM outbox
         WHERE parked IS NOT NULL ORDER BY created_at, rowid LIMIT 100`,
      );
      return rows.map(([id, type, subject, reason]) => ({
        id: String(id),
        type: String(type),
        subject: String(subject),
        reason: String(reason),
      }));
    },
    async unpark() {
      const rows = await run(
        "UPDATE outbox SET parked = NULL, next_attempt_at = 0 WHERE parked IS NOT NULL RETURNING 1",
      );
      return rows.length;
    },
    async waiting() {
      const [row = []] = await run(`SELECT
        (SELECT count(*) FROM outbox WHERE ${open}) AS waiting,
        (SELECT count(*) FROM outbox WHERE parked IS NOT NULL) AS parked,
        (SELECT min(created_at) FROM outbox WHERE ${open}) AS oldest`);
      const [waiting, parked, oldest] = row;
      return {
        waiting: Number(waiting),
        parked: Number(parked),
        oldest: oldest === null ? undefined : Number(oldest),
      };
    },
  };
}
