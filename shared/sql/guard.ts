import { conflictMark, type UniqueViolation, VersionConflict } from "./errors.ts";
import type { Statement } from "./statement.ts";

/**
 * A statement that fails its batch with `VersionConflict` unless the previous one changed one row.
 *
 * SQLite can raise an error outside of triggers only by a function that fails. This one gets an
 * invalid JSON path, and its text in the error message identifies it. `changes()` counts the rows
 * of an INSERT, UPDATE or DELETE (an UPDATE to the same value counts), without those changed by
 * triggers or cascades. A SELECT in between does not change it.
 */
export function requireOneChange(): Statement {
  return {
    sql: `SELECT CASE changes() WHEN 1 THEN 1 ELSE json_extract('{}', '${conflictMark}') END`,
    params: [],
  };
}

/**
 * Whether a change was made; false if it failed with `Refusal`, because a concurrent write was
 * first.
 */
export async function isDone(
  change: PromiseLike<unknown>,
  Refusal: typeof VersionConflict | typeof UniqueViolation = VersionConflict,
): Promise<boolean> {
  try {
    await change;
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
