import { type SQL, sql as text, type SQLWrapper } from "drizzle-orm";

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
