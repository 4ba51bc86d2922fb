import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SqlFault, toSqlError } from "./errors.ts";
import { oneStatement, verbOf } from "./sql_text.ts";
import { checkStatement, maxParams, type Row, type SqlDb, type Statement } from "./statement.ts";

/** A database this process opened and has to close. */
export interface OpenSqlDb extends SqlDb {
  /** Ends the database; what comes after fails with `StoreUnavailable`. Twice is once. */
  close(): void;
}

/** Options of {@link openNodeSqlite}. */
export interface NodeSqliteOptions {
  /** How long a write waits for another process, blocking this one; 2,000 unless told. */
  readonly busyTimeoutMs?: number;
}

/** SQLite's primary result codes that blame the statement and not the store. */
const faultCodes: ReadonlySet<number> = new Set([
  1, // SQLITE_ERROR
  18, // SQLITE_TOOBIG
  19, // SQLITE_CONSTRAINT
  20, // SQLITE_MISMATCH
  21, // SQLITE_MISUSE
  23, // SQLITE_AUTH
  25, // SQLITE_RANGE
]);

/** Prepared statements kept; more than any service has, and a bound for generated ones. */
const maxStatements = 256;

/**
 * Opens a SQLite file, or a database of its own with `:memory:`.
 *
 * D1's limits (100 parameters, LIKE patterns of 50 bytes, statements of 100 kB) are set here too,
 * so that a query which would fail on Workers fails in dev already.
 *
 * @throws {StoreUnavailable} when the file cannot be opened
 */
export function openNodeSqlite(
  path: string,
  { busyTimeoutMs = 2_000 }: NodeSqliteOptions = {},
): OpenSqlDb {
  const db = withMappedErrors(() => open(path, busyTimeoutMs));
  const prepare = createStatements(db);
  const execute = ({ sql, params }: Statement): Row[] =>
    rowsOf(prepare(sql, params.length), params);
  let closed = false;
  return {
    run: (statement) =>
      promised(() => {
        checkStatement(statement);
        return withMappedErrors(() => execute(statement));
      }),
    batch: (statements) =>
      promised(() => {
        statements.forEach(checkStatement);
        if (statements.length === 0) return [];
        return withMappedErrors(() => atomically(db, () => statements.map(execute)));
      }),
    close() {
      if (closed) return;
      closed = true;
      truncateLog(db);
      db.close();
    },
  };
}

function open(path: string, busyTimeoutMs: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  // Without `secure_delete` an erased e-mail address stays readable in the file's free pages.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;");
  Object.assign(limitsOf(db), {
    likePatternLength: 50,
    variableNumber: maxParams,
    sqlLength: 100_000,
  });
  return db;
}

/** A log that stays, because another process reads the file, has what was erased since. */
function truncateLog(db: DatabaseSync): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A disk that is full, or a damaged file, must not keep a process from ending.
  }
}

/** `limits` came with Node 24.15 and Deno 2.9; elsewhere the object is one nobody reads. */
function limitsOf(db: DatabaseSync): object {
  const { limits } = db as { limits?: object };
  return limits ?? {};
}

/** Synchronous from BEGIN to COMMIT: no other caller of this process can come in between. */
function atomically<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk or an I/O error has rolled back by itself; a second ROLLBACK would hide why.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function createStatements(db: DatabaseSync): (sql: string, params: number) => StatementSync {
  // By text and number of parameters, for the two were checked against each other once.
  const cache = new Map<string, StatementSync>();
  return function prepare(sql, params) {
    const key = `${params} ${sql}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const statement = inArrays(db.prepare(oneStatement(sql, params)));
    // A statement prepared before a change of schema keeps its old columns.
    if (!isData(sql)) cache.clear();
    else cache.set(key, statement);
    const [oldest] = cache.keys();
    if (cache.size > maxStatements && oldest !== undefined) cache.delete(oldest);
    return statement;
  };
}

function isData(sql: string): boolean {
  return ["SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"].includes(verbOf(sql));
}

/** Present since Node 24.0 and Deno 2.5, though not yet in the types that come with Deno. */
function inArrays(statement: StatementSync): StatementSync {
  (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
  return statement;
}

/** Every statement went through {@link inArrays}, so rows are arrays and not objects. */
function rowsOf(statement: StatementSync, params: readonly SQLInputValue[]): Row[] {
  return statement.all(...params) as unknown[] as Row[];
}

function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

/** TypeErrors are ours and pass; whatever node:sqlite throws becomes one of the port's errors. */
function withMappedErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TypeError) throw error;
    if (error instanceof RangeError) throw new SqlFault({ cause: error });
    throw toSqlError(error, { outage: !isFault(error) });
  }
}

function isFault(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error)) return false;
  return typeof error.errcode === "number" && faultCodes.has(error.errcode & 0xff);
}
