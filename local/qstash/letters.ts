import type {
  Attempt,
  DeadLetter,
  Delivery,
  HeaderMap,
  Letter,
  Message,
  NewMessage,
  Origin,
} from "./model.ts";
import {
  bytes,
  type Columns,
  createTable,
  flag,
  integer,
  json,
  optional,
  type Sql,
  text,
} from "./sql.ts";

const letterColumns: Columns<Letter> = {
  id: text,
  url: text,
  body: bytes,
  delivery: json<Delivery>(),
  origin: json<Origin>(),
  queue: optional(text),
  createdAt: integer,
  notBefore: optional(integer),
};

/** Messages that wait or are being delivered. */
export interface Messages {
  add(message: NewMessage): void;
  /** The message itself, never a duplicate that a fault made. */
  byId(id: string): Message | undefined;
  /** Whether this very row is still there: the outcome of a cancelled message must change nothing. */
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
  const inserted = { ...letterColumns, nextAt: integer, copy: flag };
  const fresh = createTable<NewMessage>(sql, "messages", inserted);
  const table = createTable<Message>(sql, "messages", {
    ...inserted,
    seq: integer,
    retried: integer,
    active: flag,
  });
  /**
   * Of every queue that is not paused the first messages, as many as its parallelism allows, and of
   * these the waiting ones: one that waits for its retry stays at its position, which preserves the
   * order in a queue with a parallelism of one.
   */
  const queued = (): Message[] =>
    sql.all("SELECT name, parallelism FROM queues WHERE paused = 0 ORDER BY name")
      .flatMap(({ name = null, parallelism = null }) =>
        table.all("queue = ? ORDER BY seq LIMIT ?", name, parallelism)
      ).filter(({ active }) => !active);
  return {
    add: fresh.put,
    byId: (id) => table.one("id = ? AND copy = 0", id),
    has: (seq) => table.one("seq = ?", seq) !== undefined,
    claim(now, limit) {
      const free = table.all(
        "queue IS NULL AND active = 0 AND next_at <= ? ORDER BY next_at, seq LIMIT ?",
        now,
        limit,
      );
      const due = [...free, ...queued().filter(({ nextAt }) => nextAt <= now)]
        .sort((a, b) => a.nextAt - b.nextAt || a.seq - b.seq).slice(0, limit);
      for (const { seq } of due) sql.run("UPDATE messages SET active = 1 WHERE seq = ?", seq);
      return due;
    },
    nextAt() {
      const free = table.one("queue IS NULL AND active = 0 ORDER BY next_at LIMIT 1");
      const times = [free ?? [], queued()].flat().map(({ nextAt }) => nextAt);
      return times.length > 0 ? Math.min(...times) : undefined;
    },
    retry(seq, retried, nextAt) {
      const change = "UPDATE messages SET active = 0, retried = ?, next_at = ? WHERE seq = ?";
      sql.run(change, retried, nextAt, seq);
    },
    release: (seq, nextAt) =>
      void sql.run("UPDATE messages SET active = 0, next_at = ? WHERE seq = ?", nextAt, seq),
    remove: (seq) => void table.remove("seq = ?", seq),
    cancel: (id) => table.remove("id = ?", id) > 0,
    list: () => table.all("copy = 0 ORDER BY seq"),
  };
}

/** The dead-letter queue. */
export interface DeadLetters {
  add(letter: Letter & { readonly failedAt: number; readonly response: Attempt }): string;
  byDlqId(dlqId: string): DeadLetter | undefined;
  hasMessage(id: string): boolean;
  /** Oldest first, of those after `seq`. */
  after(seq: number, limit: number): DeadLetter[];
  remove(dlqId: string): boolean;
}

/** Dead letters in SQLite. */
export function createDeadLetters(sql: Sql): DeadLetters {
  const inserted = {
    ...letterColumns,
    dlqId: text,
    failedAt: integer,
    status: integer,
    responseHeader: json<HeaderMap>(),
    responseBody: bytes,
  };
  const fresh = createTable<Omit<StoredDeadLetter, "seq">>(sql, "dead_letters", inserted);
  const table = createTable<StoredDeadLetter>(sql, "dead_letters", { ...inserted, seq: integer });
  return {
    add({ response, ...letter }) {
      const last = sql.get("SELECT seq FROM sqlite_sequence WHERE name = 'dead_letters'")?.seq ?? 0;
      const dlqId = `${letter.failedAt}-${last}`;
      const { status, header: responseHeader, body: responseBody } = response;
      fresh.put({ ...letter, dlqId, status, responseHeader, responseBody });
      return dlqId;
    },
    byDlqId(dlqId) {
      const letter = table.one("dlq_id = ?", dlqId);
      return letter && toDeadLetter(letter);
    },
    hasMessage: (id) => table.one("id = ?", id) !== undefined,
    after: (seq, limit) => table.all("seq > ? ORDER BY seq LIMIT ?", seq, limit).map(toDeadLetter),
    remove: (dlqId) => table.remove("dlq_id = ?", dlqId) > 0,
  };
}

type StoredDeadLetter = Omit<DeadLetter, "response"> & {
  readonly status: number;
  readonly responseHeader: HeaderMap;
  readonly responseBody: Uint8Array<ArrayBuffer>;
};

function toDeadLetter(
  { status, responseHeader: header, responseBody: body, ...letter }: StoredDeadLetter,
): DeadLetter {
  return { ...letter, response: { status, header, body } };
}
