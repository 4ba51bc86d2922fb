import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { createBoundedMap } from "../isolate.ts";
import {
  checkStatement,
  maxParams,
  type Row,
  type SqlDb,
  SqlFault,
  type Statement,
  toSqlError,
} from "./statement.ts";
import { oneStatement, verbOf } from "./sql_text.ts";

/** A database that this process has opened and must close. */
export interface OpenSqlDb extends SqlDb {
  /** Closes the database; later statements fail with `StoreUnavailable`. Idempotent. */
  close(): void;
}

/** Options of {@link openNodeSqlite}. */
export interface NodeSqliteOptions {
  /** How long a write waits for another process's lock, blocking this one; default 2,000. */
  readonly busyTimeoutMs?: number;
}

/** SQLite's primary result codes for errors of the statement, not of the store. */
const faultCodes: ReadonlySet<number> = new Set([
  1, // SQLITE_ERROR
  18, // SQLITE_TOOBIG
  19, // SQLITE_CONSTRAINT
  20, // SQLITE_MISMATCH
  21, // SQLITE_MISUSE
  23, // SQLITE_AUTH
  25, // SQLITE_RANGE
]);

/**
 * Maximum number of cached statements: more than any service has, and a limit for generated SQL.
 */
const maxStatements = 256;

/**
 * Opens a SQLite file, or a new database in memory with `:memory:`.
 *
 * D1's limits (100 parameters, LIKE patterns of 50 bytes, statements of 100 kB) apply here too, so
 * that a query that would fail on Workers fails in dev.
 *
 * @throws {StoreUnavailable} if the file cannot be opened
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

/** The log stays if another process has the file open, and it contains data erased since then. */
function truncateLog(db: DatabaseSync): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // A full disk or a damaged file must not prevent the process from exiting.
  }
}

/** `limits` exists since Node 24.15 and Deno 2.9; older runtimes get an object without effect. */
function limitsOf(db: DatabaseSync): object {
  const { limits } = db as { limits?: object };
  return limits ?? {};
}

/** Synchronous from BEGIN to COMMIT, so no other statement of this process can run in between. */
function atomically<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk or an I/O error rolls back by itself; a second ROLLBACK would hide that error.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function createStatements(db: DatabaseSync): (sql: string, params: number) => StatementSync {
  // Keyed by text and number of parameters, because the two were checked against each other.
  const cache = createBoundedMap<string, StatementSync>(maxStatements);
  return function prepare(sql, params) {
    const key = `${params} ${sql}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const statement = inArrays(db.prepare(oneStatement(sql, params)));
    // A schema change clears the cache: a statement that was prepared before has the old columns.
    if (!isData(sql)) cache.clear();
    else cache.set(key, statement);
    return statement;
  };
}

function isData(sql: string): boolean {
  return ["SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"].includes(verbOf(sql));
}

/** `setReturnArrays` exists since Node 24.0 and Deno 2.5, but not yet in Deno's types. */
function inArrays(statement: StatementSync): StatementSync {
  (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
  return statement;
}

/** Safe: every statement went through {@link inArrays}, so rows are arrays. */
function rowsOf(statement: StatementSync, params: readonly SQLInputValue[]): Row[] {
  return statement.all(...params) as unknown[] as Row[];
}

function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

/** Maps errors of node:sqlite to those of `statement.ts`; a TypeError is this module's own. */
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
