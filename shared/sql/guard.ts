import { conflictMark, type UniqueViolation, VersionConflict } from "./errors.ts";
import type { Statement } from "./statement.ts";

/**
 * A statement that fails its batch with `VersionConflict` unless the one before changed one row.
 *
 * SQL without a procedure language has no way to raise an error but a function that fails: a JSON
 * path that is none, whose text comes back in the message and so tells it from any other.
 * `changes()` counts rows that INSERT, UPDATE or DELETE touched (an UPDATE that writes the same
 * value counts), not those changed by triggers or cascades; a SELECT in between leaves it alone.
 */
export function requireOneChange(): Statement {
  return {
    sql: `SELECT CASE changes() WHEN 1 THEN 1 ELSE json_extract('{}', '${conflictMark}') END`,
    params: [],
  };
}

/**
 * Tells whether a change was made; false when it failed as `Refusal`, because somebody else was
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
