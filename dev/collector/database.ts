import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { ownTracesSchema } from "./own_traces.ts";
import { schema, schemaVersion } from "./schema.ts";

/** A value of a statement's parameter. */
export type Param = SQLInputValue;

/** A row by its columns' names. */
export type Row = Readonly<Record<string, unknown>>;

/** A SQLite file with synchronous access. */
export interface Database extends Disposable {
  all(sql: string, ...params: Param[]): Row[];
  get(sql: string, ...params: Param[]): Row | undefined;
  /** Rows one by one; no other statement may change the tables in between. */
  each(sql: string, ...params: Param[]): Iterable<Row>;
  /** The number of rows that changed. */
  run(sql: string, ...params: Param[]): number;
  /** All of it or nothing. */
  atomically<Result>(work: () => Result): Result;
}

/** The name of the store's file in its folder. */
export const storeFile = "store.sqlite";

/** Files beside the database in which SQLite has uncommitted work. */
const companions = ["-wal", "-shm"] as const;

/**
 * Opens the store for writing, and makes it where there is none (mode 600).
 *
 * A file that is no database, or one of another schema, is renamed, and `onRenamed` receives its
 * new name: this code cannot read it, but it is not this program's to delete.
 */
export function openDatabase(path: string, onRenamed: (path: string) => void = () => {}): Database {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unusable = isThere(path) ? nameUnusable(path) : undefined;
  if (unusable !== undefined) {
    moveAway(path, unusable);
    onRenamed(unusable);
  }
  // SQLite gives the files beside it the same mode.
  if (!isThere(path)) Deno.writeTextFileSync(path, "", { mode: 0o600 });
  const db = new DatabaseSync(path, { timeout: 2_000 });
  // What a power cut takes here is no loss.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;");
  if (readVersion(db) === 0) db.exec(schema);
  db.exec(ownTracesSchema);
  return wrap(db);
}

/**
 * Opens the store for reading beside the process that writes it.
 *
 * @throws {Error} when it cannot be read, or has another schema
 */
export function openForReading(path: string): Database {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
  try {
    const version = readVersion(db);
    if (version !== schemaVersion) {
      throw new Error(`its schema is version ${version}, and this is for ${schemaVersion}`);
    }
    return wrap(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens any SQLite file read-only. @throws {Error} when it cannot be read */
export function openAnyForReading(path: string): Database {
  return wrap(new DatabaseSync(path, { readOnly: true }));
}

/** The new name of a file that cannot be used; undefined for one that can. */
function nameUnusable(path: string): string | undefined {
  const base = path.replace(/\.sqlite$/, "");
  try {
    const db = new DatabaseSync(path);
    const version = readVersion(db);
    const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
    db.close();
    if (version === schemaVersion || (version === 0 && isEmpty)) return undefined;
    return `${base}.v${version}.sqlite`;
  } catch {
    return `${base}.unreadable.sqlite`;
  }
}

function readVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
}

function moveAway(path: string, to: string): void {
  for (const end of companions) if (isThere(to + end)) Deno.removeSync(to + end);
  Deno.renameSync(path, to);
  for (const end of companions) if (isThere(path + end)) Deno.renameSync(path + end, to + end);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function wrap(db: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    all: (sql, ...params) => prepare(sql).all(...params),
    get: (sql, ...params) => prepare(sql).get(...params),
    each: (sql, ...params) => prepare(sql).iterate(...params),
    run: (sql, ...params) => Number(prepare(sql).run(...params).changes),
    atomically(work) {
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    },
    [Symbol.dispose]: () => db.close(),
  };
}
