import type { Delivery } from "./model.ts";
import { bytes, createTable, flag, integer, json, optional, type Sql, text } from "./sql.ts";

export interface Schedule {
  readonly id: string;
  readonly cron: string;
  readonly destination: string;
  readonly delivery: Delivery;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly queue?: string | undefined;
  readonly delayMs?: number | undefined;
  readonly callerIp: string;
  readonly createdAt: number;
  readonly nextAt?: number | undefined;
  readonly lastAt?: number | undefined;
  /** The messages of its last run. */
  readonly lastIds: readonly string[];
  readonly paused: boolean;
}

export type Schedules = ReturnType<typeof createSchedules>;

/** Schedules in SQLite. */
export function createSchedules(sql: Sql) {
  const table = createTable<Schedule>(sql, "schedules", {
    id: text,
    cron: text,
    destination: text,
    delivery: json<Delivery>(),
    body: bytes,
    queue: optional(text),
    delayMs: optional(integer),
    callerIp: text,
    createdAt: integer,
    nextAt: optional(integer),
    lastAt: optional(integer),
    lastIds: json<readonly string[]>(),
    paused: flag,
  });
  return {
    put: table.put,
    byId: (id: string) => table.one("id = ?", id),
    list: () => table.all("TRUE ORDER BY created_at, id"),
    due: (now: number) => table.all("paused = 0 AND next_at <= ? ORDER BY next_at, id", now),
    nextAt: () => table.one("paused = 0 AND next_at IS NOT NULL ORDER BY next_at LIMIT 1")?.nextAt,
    remove: (id: string) => table.remove("id = ?", id) > 0,
  };
}

export interface Endpoint {
  readonly url: string;
  readonly name?: string | undefined;
}

export interface UrlGroup {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type UrlGroups = ReturnType<typeof createUrlGroups>;

/** URL groups in SQLite. */
export function createUrlGroups(sql: Sql) {
  const table = createTable<UrlGroup>(sql, "url_groups", {
    name: text,
    endpoints: json<readonly Endpoint[]>(),
    createdAt: integer,
    updatedAt: integer,
  });
  return {
    put: table.put,
    byName: (name: string) => table.one("name = ?", name),
    list: () => table.all("TRUE ORDER BY name"),
    remove: (name: string) => table.remove("name = ?", name) > 0,
  };
}

interface StoredQueue {
  readonly name: string;
  readonly parallelism: number;
  readonly paused: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Queue extends StoredQueue {
  /** How many messages are in it. */
  readonly lag: number;
}

export type Queues = ReturnType<typeof createQueues>;

/** Queues in SQLite. */
export function createQueues(sql: Sql) {
  const table = createTable<StoredQueue>(sql, "queues", {
    name: text,
    parallelism: integer,
    paused: flag,
    createdAt: integer,
    updatedAt: integer,
  });
  const withLag = (queue: StoredQueue): Queue => {
    const row = sql.get(
      "SELECT count(*) AS lag FROM messages WHERE queue = ? AND copy = 0",
      queue.name,
    );
    return { ...queue, lag: integer.read(row?.lag ?? 0, "lag") };
  };
  return {
    put: table.put,
    byName(name: string): Queue | undefined {
      const queue = table.one("name = ?", name);
      return queue && withLag(queue);
    },
    list: (): Queue[] => table.all("TRUE ORDER BY name").map(withLag),
    remove: (name: string) => table.remove("name = ?", name) > 0,
  };
}
