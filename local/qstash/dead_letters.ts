import { letterColumns, letterValues, toLetter } from "./letter_rows.ts";
import type { DeadLetter, HeaderMap } from "./model.ts";
import { bytesOf, integerOf, jsonOf, type Row, type Sql, textOf } from "./sql.ts";

/** The dead-letter queue. */
export interface DeadLetters {
  add(letter: Omit<DeadLetter, "seq" | "dlqId">): string;
  byDlqId(dlqId: string): DeadLetter | undefined;
  hasMessage(id: string): boolean;
  /** Oldest first, of those after `seq`. */
  after(seq: number, limit: number): DeadLetter[];
  remove(dlqId: string): boolean;
}

/** Dead letters in SQLite. */
export function createDeadLetters(sql: Sql): DeadLetters {
  return {
    add(letter) {
      const last = sql.get("SELECT seq FROM sqlite_sequence WHERE name = 'dead_letters'");
      const dlqId = `${letter.failedAt}-${last ? integerOf(last, "seq") : 0}`;
      sql.run(
        `INSERT INTO dead_letters (dlq_id, ${letterColumns}, failed_at, status, response_header,
         response_body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
        dlqId,
        ...letterValues(letter),
        letter.failedAt,
        letter.response.status,
        JSON.stringify(letter.response.header),
        letter.response.body,
      );
      return dlqId;
    },
    byDlqId(dlqId) {
      const row = sql.get("SELECT * FROM dead_letters WHERE dlq_id = ?", dlqId);
      return row && toDeadLetter(row);
    },
    hasMessage: (id) => sql.get("SELECT 1 FROM dead_letters WHERE id = ?", id) !== undefined,
    after: (seq, limit) =>
      sql.all("SELECT * FROM dead_letters WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
        .map(toDeadLetter),
    remove: (dlqId) => sql.run("DELETE FROM dead_letters WHERE dlq_id = ?", dlqId) > 0,
  };
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    ...toLetter(row),
    seq: integerOf(row, "seq"),
    dlqId: textOf(row, "dlq_id"),
    failedAt: integerOf(row, "failed_at"),
    response: {
      status: integerOf(row, "status"),
      header: jsonOf<HeaderMap>(row, "response_header"),
      body: bytesOf(row, "response_body"),
    },
  };
}
