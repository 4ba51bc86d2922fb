import { createDeadLetters, type DeadLetters } from "./dead_letters.ts";
import { createLogs, type LogNote, type Logs } from "./logs.ts";
import { createMessages, type Messages } from "./messages.ts";
import {
  createQueues,
  createSchedules,
  createUrlGroups,
  type Queues,
  type Schedules,
  type UrlGroups,
} from "./resources.ts";
import { prepareTables } from "./schema.ts";
import { openSql, type Sql, textOf } from "./sql.ts";

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
  forgetBefore(time: number): void;
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
  return {
    find(key, now) {
      const row = sql.get(
        "SELECT message_id FROM deduplications WHERE key = ? AND expires_at > ?",
        key,
        now,
      );
      return row && textOf(row, "message_id");
    },
    put: (key, messageId, expiresAt) =>
      void sql.run(
        "INSERT OR REPLACE INTO deduplications VALUES (?,?,?)",
        key,
        messageId,
        expiresAt,
      ),
    forgetBefore: (time) => void sql.run("DELETE FROM deduplications WHERE expires_at <= ?", time),
  };
}

function createStoredSettings(sql: Sql): StoredSettings {
  return {
    get(name) {
      const row = sql.get("SELECT value FROM settings WHERE name = ?", name);
      return row && textOf(row, "value");
    },
    set: (name, value) => void sql.run("INSERT OR REPLACE INTO settings VALUES (?,?)", name, value),
  };
}
