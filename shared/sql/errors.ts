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
