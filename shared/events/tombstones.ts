import { type SQL, sql as text, type SQLWrapper } from "drizzle-orm";

/**
 * A condition that holds while none of these subjects has ended, for a statement of the service's own
 * database; a subject is an id, or a column that has one.
 *
 * What is made after the end of what it belongs to would never be told of that end.
 */
export function isNotDeleted(...subjects: readonly (string | SQLWrapper)[]): SQL {
  const list = text.join(subjects.map((subject) => text`${subject}`), text`, `);
  return text`NOT EXISTS (SELECT 1 FROM ended_subjects WHERE subject IN (${list}))`;
}
