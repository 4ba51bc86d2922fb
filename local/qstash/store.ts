import { createLogs, type LogNote, type Logs } from "./logs.ts";
import { createDeadLetters, createMessages, type DeadLetters, type Messages } from "./letters.ts";
import {
  createQueues,
  createSchedules,
  createUrlGroups,
  type Queues,
  type Schedules,
  type UrlGroups,
} from "./resources.ts";
import { createTable, integer, openSql, type Sql, text } from "./sql.ts";

/** Everything the local QStash stores, in one file. */
export interface Store {
  readonly messages: Messages;
  readonly deadLetters: DeadLetters;
  readonly logs: Logs;
  readonly schedules: Schedules;
  readonly groups: UrlGroups;
  readonly queues: Queues;
  readonly deduplications: Deduplications;
  readonly settings: StoredSettings;
  atomically: Sql["atomically"];
  close(): void;
}

/** Ids under which messages were published lately. */
export interface Deduplications {
  find(key: string, now: number): string | undefined;
  put(key: string, messageId: string, expiresAt: number): void;
  deleteBefore(time: number): void;
}

export interface StoredSettings {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

/**
 * Opens the store at `path` (or `:memory:`).
 *
 * @throws {Error} if another process holds the file
 */
export function openStore(
  path: string,
  now: () => number,
  onNote?: (note: LogNote) => void,
): Store {
  const sql = openSql(path);
  prepareTables(sql);
  return {
    messages: createMessages(sql),
    deadLetters: createDeadLetters(sql),
    logs: createLogs(sql, now, onNote),
    schedules: createSchedules(sql),
    groups: createUrlGroups(sql),
    queues: createQueues(sql),
    deduplications: createDeduplications(sql),
    settings: createStoredSettings(sql),
    atomically: sql.atomically,
    close: sql.close,
  };
}

function createDeduplications(sql: Sql): Deduplications {
  const columns = { key: text, messageId: text, expiresAt: integer };
  const table = createTable(sql, "deduplications", columns);
  return {
    find: (key, now) => table.one("key = ? AND expires_at > ?", key, now)?.messageId,
    put: (key, messageId, expiresAt) => table.put({ key, messageId, expiresAt }),
    deleteBefore: (time) => void table.remove("expires_at <= ?", time),
  };
}

function createStoredSettings(sql: Sql): StoredSettings {
  const table = createTable(sql, "settings", { name: text, value: text });
  return {
    get: (name) => table.one("name = ?", name)?.value,
    set: (name, value) => table.put({ name, value }),
  };
}

const tables = [
  `CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
  ) STRICT`,
  // A duplicate that a fault made is a row of its own with the id of its original.
  `CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    delivery TEXT NOT NULL,
    origin TEXT NOT NULL,
    queue TEXT,
    created_at INTEGER NOT NULL,
    not_before INTEGER,
    next_at INTEGER NOT NULL,
    retried INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 0,
    copy INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  `CREATE INDEX IF NOT EXISTS messages_by_id ON messages (id)`,
  `CREATE INDEX IF NOT EXISTS messages_due ON messages (next_at, seq)
    WHERE queue IS NULL AND active = 0`,
  `CREATE INDEX IF NOT EXISTS messages_queued ON messages (queue, seq) WHERE queue IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    dlq_id TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    delivery TEXT NOT NULL,
    origin TEXT NOT NULL,
    queue TEXT,
    created_at INTEGER NOT NULL,
    not_before INTEGER,
    failed_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    response_header TEXT NOT NULL,
    response_body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX IF NOT EXISTS dead_letters_by_id ON dead_letters (id)`,
  `CREATE TABLE IF NOT EXISTS logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT`,
  `CREATE INDEX IF NOT EXISTS logs_by_message ON logs (message_id)`,
  `CREATE INDEX IF NOT EXISTS logs_by_time ON logs (time)`,
  `CREATE TABLE IF NOT EXISTS deduplications (
    key TEXT PRIMARY KEY, message_id TEXT NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX IF NOT EXISTS deduplications_by_end ON deduplications (expires_at)`,
  `CREATE TABLE IF NOT EXISTS schedules (
    id TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    destination TEXT NOT NULL,
    delivery TEXT NOT NULL,
    body BLOB NOT NULL,
    queue TEXT,
    delay_ms INTEGER,
    caller_ip TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    last_ids TEXT NOT NULL DEFAULT '[]',
    paused INTEGER NOT NULL DEFAULT 0
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS url_groups (
    name TEXT PRIMARY KEY,
    endpoints TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    parallelism INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT`,
];

/**
 * Creates missing tables and releases the messages that were claimed when the last process ended.
 */
export function prepareTables(sql: Sql): void {
  sql.atomically(() => {
    for (const table of tables) sql.run(table);
    sql.run("UPDATE messages SET active = 0 WHERE active = 1");
  });
}
