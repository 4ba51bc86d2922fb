import type { RequestSummary } from "./api.ts";
import type { Row } from "./database.ts";

/** The text of a column that always has one. */
export function readText(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot read the store: ${column} is no text`);
}

/** The text of a column that may have none. */
export function readOptionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : readText(row, column);
}

/** The number of a column that always has one. */
export function readNumber(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw new TypeError(`Cannot read the store: ${column} is no number`);
}

/** The number of a column that may have none. */
export function readOptionalNumber(row: Row, column: string): number | null {
  return row[column] === null ? null : readNumber(row, column);
}

/**
 * A value that the writer of the store put into a column as JSON: it still has the shape of then.
 */
export function readStored<Value>(json: string): Value {
  return JSON.parse(json);
}

/** The pattern of LIKE for texts that contain `part`, with `\` as the escape character. */
export function likePattern(part: string): string {
  return `%${part.replace(/[\\%_]/g, "\\$&")}%`;
}

/** The columns of a request. */
export function readSummary(row: Row): RequestSummary {
  return {
    time: readNumber(row, "time"),
    method: readText(row, "method"),
    path: readOptionalText(row, "path"),
    route: readOptionalText(row, "route"),
    status: readOptionalNumber(row, "status"),
    code: readOptionalText(row, "code"),
    durationMs: readOptionalNumber(row, "duration_ms"),
    sub: readOptionalText(row, "sub"),
    issuer: readOptionalText(row, "issuer"),
  };
}
