/** A row that must be unique exists already. `columns` is the store's text, `accounts.email`. */
export class UniqueViolation extends Error {
  /** Tells it from other errors. */
  override readonly name = "UniqueViolation";
  /** The columns as SQLite names them. */
  readonly columns: string;

  /** Keeps the driver's error as `cause`. */
  constructor(columns: string, options?: ErrorOptions) {
    super(`Row must be unique: ${columns}`, options);
    this.columns = columns;
  }
}

/** The guarded statement changed no row (or several): somebody else was first. */
export class VersionConflict extends Error {
  /** Tells it from other errors. */
  override readonly name = "VersionConflict";

  /** Keeps the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Statement before the guard did not change exactly one row", options);
  }
}

/** The store is away: network, lock, disk, authorisation. The statement may be fine. */
export class StoreUnavailable extends Error {
  /** Tells it from other errors. */
  override readonly name = "StoreUnavailable";

  /** Keeps the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Store is not available", options);
  }
}

/** The store refused a statement: syntax, a missing table, another constraint. Our fault. */
export class SqlFault extends Error {
  /** Tells it from other errors. */
  override readonly name = "SqlFault";

  /** Keeps the driver's error as `cause`. */
  constructor(options?: ErrorOptions) {
    super("Store refused a statement: see the cause", options);
  }
}

/** Text that only {@link requireOneChange} makes the store complain about. */
export const conflictMark = "edgepass_version_conflict";

// Anchored at the start, past what drivers put in front: messages of FTS5 quote the caller's text,
// which must not be able to pose as one of these.
const driverPrefix = "^(?:D1_ERROR: |SQLITE_[A-Z_]+: |SQLite error: )*";
const uniqueText = new RegExp(
  `${driverPrefix}UNIQUE constraint failed: (.*?)(?:: SQLITE_CONSTRAINT.*)?$`,
  "s",
);
const conflictText = new RegExp(
  `${driverPrefix}(?:bad JSON path: |JSON path error near )'${conflictMark}'`,
);

/** What a driver threw, as one of the classes above; `outage` says what to think of the rest. */
export function toSqlError(cause: unknown, { outage }: { outage: boolean }): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const columns = uniqueText.exec(message)?.[1];
  if (columns !== undefined) return new UniqueViolation(columns, { cause });
  if (conflictText.test(message)) return new VersionConflict({ cause });
  return outage ? new StoreUnavailable({ cause }) : new SqlFault({ cause });
}
