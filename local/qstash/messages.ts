import { letterColumns, letterValues, toLetter } from "./letter_rows.ts";
import type { Message, NewMessage } from "./model.ts";
import { integerOf, type Row, type Sql, textOf } from "./sql.ts";

/** Messages that wait or are being delivered. */
export interface Messages {
  add(message: NewMessage): void;
  /** The message itself, never a duplicate that a fault made. */
  byId(id: string): Message | undefined;
  /**
   * Whether this very row is still there: the outcome of a cancelled message must change nothing.
   */
  has(seq: number): boolean;
  /** Marks messages due by `now` as under way, at most `limit`, and returns them. */
  claim(now: number, limit: number): Message[];
  /** When the next message that may be delivered is due. */
  nextAt(): number | undefined;
  retry(seq: number, retried: number, nextAt: number): void;
  /** Releases a message that was claimed and never tried. */
  release(seq: number, nextAt: number): void;
  remove(seq: number): void;
  /** Removes a message with its duplicates. */
  cancel(id: string): boolean;
  /** Oldest first, without duplicates. */
  list(): Message[];
}

/** Messages in SQLite. */
export function createMessages(sql: Sql): Messages {
  const dueQueued = (now: number): Row[] => queueHeads(sql).filter((row) => isWaiting(row, now));
  return {
    add(message) {
      sql.run(
        `INSERT INTO messages (${letterColumns}, next_at, copy) VALUES (?,?,?,?,?,?,?,?,?,?)`,
        ...letterValues(message),
        message.nextAt,
        message.isCopy ? 1 : 0,
      );
    },
    byId: (id) => optional(sql.get("SELECT * FROM messages WHERE id = ? AND copy = 0", id)),
    has: (seq) => sql.get("SELECT 1 FROM messages WHERE seq = ?", seq) !== undefined,
    claim(now, limit) {
      const free = sql.all(
        `SELECT * FROM messages WHERE queue IS NULL AND active = 0 AND next_at <= ?
         ORDER BY next_at, seq LIMIT ?`,
        now,
        limit,
      );
      const rows = [...free, ...dueQueued(now)].sort(byTurn).slice(0, limit);
      for (const row of rows) {
        sql.run("UPDATE messages SET active = 1 WHERE seq = ?", integerOf(row, "seq"));
      }
      return rows.map(toMessage);
    },
    nextAt() {
      const row = sql.get(
        "SELECT next_at FROM messages WHERE queue IS NULL AND active = 0 ORDER BY next_at LIMIT 1",
      );
      const queued = queueHeads(sql).filter((head) => isWaiting(head, Infinity));
      const times = [...(row ? [row] : []), ...queued].map((head) => integerOf(head, "next_at"));
      return times.length > 0 ? Math.min(...times) : undefined;
    },
    retry: (seq, retried, nextAt) =>
      void sql.run(
        "UPDATE messages SET active = 0, retried = ?, next_at = ? WHERE seq = ?",
        retried,
        nextAt,
        seq,
      ),
    release: (seq, nextAt) =>
      void sql.run("UPDATE messages SET active = 0, next_at = ? WHERE seq = ?", nextAt, seq),
    remove: (seq) => void sql.run("DELETE FROM messages WHERE seq = ?", seq),
    cancel: (id) => sql.run("DELETE FROM messages WHERE id = ?", id) > 0,
    list: () => sql.all("SELECT * FROM messages WHERE copy = 0 ORDER BY seq").map(toMessage),
  };
}

/**
 * Of every queue that is not paused the first messages, as many as its parallelism allows: one that
 * waits for its retry stays at its position, which preserves the order in a queue with a parallelism
 * of one.
 */
function queueHeads(sql: Sql): Row[] {
  return sql.all("SELECT name, parallelism FROM queues WHERE paused = 0 ORDER BY name").flatMap(
    (queue) =>
      sql.all(
        "SELECT * FROM messages WHERE queue = ? ORDER BY seq LIMIT ?",
        textOf(queue, "name"),
        integerOf(queue, "parallelism"),
      ),
  );
}

function isWaiting(row: Row, now: number): boolean {
  return integerOf(row, "active") === 0 && integerOf(row, "next_at") <= now;
}

function byTurn(a: Row, b: Row): number {
  return integerOf(a, "next_at") - integerOf(b, "next_at") ||
    integerOf(a, "seq") - integerOf(b, "seq");
}

function toMessage(row: Row): Message {
  return {
    ...toLetter(row),
    seq: integerOf(row, "seq"),
    nextAt: integerOf(row, "next_at"),
    retried: integerOf(row, "retried"),
    isCopy: integerOf(row, "copy") === 1,
  };
}

function optional(row: Row | undefined): Message | undefined {
  return row && toMessage(row);
}
