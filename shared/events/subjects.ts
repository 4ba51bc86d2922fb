import { type SQL, sql as text, type SQLWrapper } from "drizzle-orm";
import type { Changes, Orm } from "../sql/orm.ts";
import type { SqlDb } from "../sql/statement.ts";

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
