import { Problem } from "../problem.ts";

/** No Date, boolean or bigint: node:sqlite binds a Date as NULL, D1 refuses it. */
export type SqlValue = string | number | null | Uint8Array;

/** Values in column order: an object would lose one of two joined columns named `id`. */
export type Row = readonly unknown[];

/** One SQL statement with `?` placeholders; `params` fill them in order. */
export interface Statement {
  /** With a placeholder for each value. */
  readonly sql: string;
  /** The values, in the order of their placeholders. */
  readonly params: readonly SqlValue[];
}

/**
 * The SQL interface that every driver can implement. `batch` is the only transaction.
 *
 * Drivers bind a number as REAL, and the column's affinity converts it to an integer. So an
 * expression without a column needs `CAST(? AS INTEGER)`.
 */
export interface SqlDb {
  /** Runs one statement. */
  run(statement: Statement): Promise<Row[]>;
  /** Runs all of them or none, and returns the rows of each. */
  batch(statements: readonly Statement[]): Promise<Row[][]>;
}

/** D1's limit of bound parameters. It applies to every driver, so that dev behaves like Workers. */
export const maxParams = 100;

/** `batch` controls the transaction: a COMMIT inside would commit half of it. */
const transactionControl = /^\s*(?:begin|commit|end|rollback|savepoint|release)\b/i;

/**
 * Refuses a statement that one of the drivers would change silently or could not run.
 *
 * @throws {TypeError} a value of another type, named by its position, or transaction control
 * @throws {RangeError} more than 100 parameters, or a number that is not finite
 * @throws {Problem} `validation_failed` for text that drivers truncate or change
 */
export function checkStatement({ sql, params }: Statement): void {
  if (transactionControl.test(sql)) {
    throw new TypeError("Cannot run transaction control: a batch is the only transaction there is");
  }
  if (params.length > maxParams) {
    throw new RangeError(
      `Cannot bind ${params.length} parameters: D1 takes ${maxParams} in one statement`,
    );
  }
  params.forEach((value, index) => checkValue(value, index + 1));
}

/** `value` is unknown because values from an ORM are not checked by its type. */
function checkValue(value: unknown, position: number): void {
  if (typeof value === "string") return checkText(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new RangeError(`Cannot bind parameter ${position}: it is not a finite number`);
  }
  if (value === null || value instanceof Uint8Array) return;
  const kind = value instanceof Date ? "Date" : typeof value;
  throw new TypeError(
    `Cannot bind parameter ${position}: ${kind} is neither text, number, null nor bytes`,
  );
}

/**
 * node:sqlite truncates text at a NUL, and half a surrogate pair becomes U+FFFD. Two different
 * e-mail addresses could then become one account. Such text can only come from a caller.
 */
function checkText(text: string): void {
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new Problem("validation_failed", {
      detail: "Text has a NUL character or half a surrogate pair",
    });
  }
}

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

/** A row violates a unique constraint. `columns` is SQLite's text, for example `accounts.email`. */
export class UniqueViolation extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "UniqueViolation";
  /** The columns as SQLite names them. */
  readonly columns: string;

  /** Stores the driver's error as `cause`. */
  constructor(columns: string, options?: ErrorOptions) {
    super(`Row must be unique: ${columns}`, options);
    this.columns = columns;
  }
}

/** The guarded statement did not change exactly one row: a concurrent write was first. */
export class VersionConflict extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "VersionConflict";

  /** Stores the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Statement before the guard did not change exactly one row", options);
  }
}

/** The store is unavailable: network, lock, disk, authorisation. The statement may be valid. */
export class StoreUnavailable extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "StoreUnavailable";

  /** Stores the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Store is not available", options);
  }
}

/**
 * The store refused a statement: syntax, a missing table, another constraint. A programming error.
 */
export class SqlFault extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "SqlFault";

  /** Stores the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Store refused a statement: see the cause", options);
  }
}

/** Text that appears in the store's error message only by {@link requireOneChange}. */
export const conflictMark = "edgepass_version_conflict";

// Anchored at the start, after the drivers' prefixes: FTS5 messages quote the caller's text, and
// that text must not be able to imitate one of these errors.
const driverPrefix = "^(?:D1_ERROR: |SQLITE_[A-Z_]+: |SQLite error: )*";
const uniqueText = new RegExp(
  `${driverPrefix}UNIQUE constraint failed: (.*?)(?:: SQLITE_CONSTRAINT.*)?$`,
  "s",
);
const conflictText = new RegExp(
  `${driverPrefix}(?:bad JSON path: |JSON path error near )'${conflictMark}'`,
);

/**
 * Maps a driver's error to one of the classes above. With `outage` any other error is
 * `StoreUnavailable`, without it `SqlFault`.
 */
export function toSqlError(cause: unknown, { outage }: { outage: boolean }): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const columns = uniqueText.exec(message)?.[1];
  if (columns !== undefined) return new UniqueViolation(columns, { cause });
  if (conflictText.test(message)) return new VersionConflict({ cause });
  return outage ? new StoreUnavailable({ cause }) : new SqlFault({ cause });
}
