import { sql as text } from "drizzle-orm";
import type { SqlDb } from "../sql/statement.ts";

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
