import { dirname } from "node:path";
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Synchronous SQLite: work that belongs together is one turn, so nothing can run in between. */
export interface Sql {
  all(text: string, ...params: SQLInputValue[]): Row[];
  get(text: string, ...params: SQLInputValue[]): Row | undefined;
  /** Returns how many rows it changed. */
  run(text: string, ...params: SQLInputValue[]): number;
  /** All of the work or nothing; inside of another transaction it is part of that. */
  atomically<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens the file at `path`, created with its folder where missing (mode 600), or `:memory:`.
 *
 * With WAL and `synchronous = NORMAL` a commit is with the operating system when it returns: a kill
 * of this process loses nothing that got a response. A power cut may lose the newest commits, never
 * their order or the file; for a development server that is worth not waiting for the disk.
 *
 * @throws {Error} if another process holds the file
 */
export function openSql(path: string): Sql {
  const release = path === ":memory:" ? () => {} : prepareFile(path);
  const db = new DatabaseSync(path);
  // A dead letter may name a person: a deleted one must be gone from the file as well.
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;");
  scrub(db);
  const statements = new Map<string, StatementSync>();
  const prepare = (text: string) => {
    const statement = statements.get(text) ?? db.prepare(text);
    statements.set(text, statement);
    return statement;
  };
  let closed = false;
  return {
    all: (text, ...params) => prepare(text).all(...params),
    get: (text, ...params) => prepare(text).get(...params),
    run: (text, ...params) => Number(prepare(text).run(...params).changes),
    atomically: (work) => atomically(db, work),
    close() {
      if (closed) return;
      closed = true;
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      release();
    },
  };
}

/** Overwrites, once for each file, what was deleted before deletions were secure. */
function scrub(db: DatabaseSync): void {
  if (db.prepare("PRAGMA user_version").get()?.user_version !== 0) return;
  db.exec("VACUUM; PRAGMA user_version = 1;");
}

function atomically<T>(db: DatabaseSync, work: () => T): T {
  if (db.isTransaction) return work();
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk has rolled back by itself; a second ROLLBACK would hide the cause.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The lock ends with the process, however that ends; the empty file may stay. */
function prepareFile(path: string): () => void {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = Deno.openSync(`${path}.lock`, { create: true, write: true, mode: 0o600 });
  if (!lock.tryLockSync(true)) {
    lock.close();
    throw new Error("Cannot open the local QStash data: another process uses it");
  }
  // SQLite gives its own files the mode of the database.
  Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
  return () => lock.close();
}

/** Reads a column that is NOT NULL. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw new TypeError(`Column ${column} is no text`);
}

export function textOrNone(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw new TypeError(`Column ${column} is no number`);
}

export function integerOrNone(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integerOf(row, column);
}

export function bytesOf(row: Row, column: string): Uint8Array<ArrayBuffer> {
  const value = row[column];
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw new TypeError(`Column ${column} is no blob`);
}

/** Only for columns that `JSON.stringify` of a `T` was written to: the file has no other writer. */
export function jsonOf<T>(row: Row, column: string): T {
  return JSON.parse(textOf(row, column)) as T;
}
