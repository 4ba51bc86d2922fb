import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementSync,
} from "node:sqlite";
import { lockFile } from "../loopback.ts";

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

/** SQLite gives its own files the mode of the database. */
function prepareFile(path: string): () => void {
  const release = lockFile(path, "local QStash");
  Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
  return release;
}

/** How a field of a record is stored in a column. */
export interface Column<T> {
  readonly read: (value: SQLOutputValue, name: string) => T;
  readonly write: (value: T) => SQLInputValue;
}

export const text: Column<string> = {
  read(value, name) {
    if (typeof value === "string") return value;
    throw new TypeError(`Column ${name} is no text`);
  },
  write: (value) => value,
};

export const integer: Column<number> = {
  read(value, name) {
    if (typeof value === "number") return value;
    throw new TypeError(`Column ${name} is no number`);
  },
  write: (value) => value,
};

export const flag: Column<boolean> = {
  read: (value, name) => integer.read(value, name) === 1,
  write: (value) => value ? 1 : 0,
};

export const bytes: Column<Uint8Array<ArrayBuffer>> = {
  read(value, name) {
    if (value instanceof Uint8Array) return new Uint8Array(value);
    throw new TypeError(`Column ${name} is no blob`);
  },
  write: (value) => value,
};

/** A value as JSON. The file has no other writer, so what is read has the type that was written. */
export function json<T>(): Column<T> {
  return {
    read: (value, name) => JSON.parse(text.read(value, name)) as T,
    write: (value) => JSON.stringify(value),
  };
}

export function optional<T>({ read, write }: Column<T>): Column<T | undefined> {
  return {
    read: (value, name) => value === null ? undefined : read(value, name),
    write: (value) => value === undefined ? null : write(value),
  };
}

/** The columns of a record: the field `nextAt` is the column `next_at`. */
export type Columns<T> = { readonly [Field in keyof T]-?: Column<T[Field]> };

/** A table of records; conditions are SQL after `WHERE`. */
export interface Table<T> {
  put(record: T): void;
  one(condition: string, ...params: SQLInputValue[]): T | undefined;
  all(condition: string, ...params: SQLInputValue[]): T[];
  /** Returns how many it removed. */
  remove(condition: string, ...params: SQLInputValue[]): number;
}

export function createTable<T extends object>(
  sql: Sql,
  name: string,
  columns: Columns<T>,
): Table<T> {
  const fields = Object.keys(columns) as (keyof T & string)[];
  const nameOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const names = fields.map(nameOf).join(", ");
  const insert = `INSERT OR REPLACE INTO ${name} (${names}) VALUES (${
    fields.map(() => "?").join()
  })`;
  // Every field of the type has its column, so a record of all of them is one.
  const toRecord = (row: Row) =>
    Object.fromEntries(
      fields.map((field) => [field, columns[field].read(row[nameOf(field)] ?? null, field)]),
    ) as T;
  const select = `SELECT ${names} FROM ${name} WHERE `;
  return {
    put: (record) =>
      void sql.run(insert, ...fields.map((field) => columns[field].write(record[field]))),
    one(condition, ...params) {
      const row = sql.get(select + condition, ...params);
      return row && toRecord(row);
    },
    all: (condition, ...params) => sql.all(select + condition, ...params).map(toRecord),
    remove: (condition, ...params) => sql.run(`DELETE FROM ${name} WHERE ${condition}`, ...params),
  };
}
