import type { Delivery } from "./model.ts";
import {
  bytesOf,
  integerOf,
  integerOrNone,
  jsonOf,
  type Row,
  type Sql,
  textOf,
  textOrNone,
} from "./sql.ts";

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

export interface Schedules {
  put(schedule: Schedule): void;
  byId(id: string): Schedule | undefined;
  list(): Schedule[];
  due(now: number): Schedule[];
  nextAt(): number | undefined;
  remove(id: string): boolean;
}

/** Schedules in SQLite. */
export function createSchedules(sql: Sql): Schedules {
  return {
    put(schedule) {
      sql.run(
        `INSERT OR REPLACE INTO schedules (id, cron, destination, delivery, body, queue, delay_ms,
         caller_ip, created_at, next_at, last_at, last_ids, paused)
         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
        schedule.id,
        schedule.cron,
        schedule.destination,
        JSON.stringify(schedule.delivery),
        schedule.body,
        schedule.queue ?? null,
        schedule.delayMs ?? null,
        schedule.callerIp,
        schedule.createdAt,
        schedule.nextAt ?? null,
        schedule.lastAt ?? null,
        JSON.stringify(schedule.lastIds),
        schedule.paused ? 1 : 0,
      );
    },
    byId(id) {
      const row = sql.get("SELECT * FROM schedules WHERE id = ?", id);
      return row && toSchedule(row);
    },
    list: () => sql.all("SELECT * FROM schedules ORDER BY created_at, id").map(toSchedule),
    due: (now) =>
      sql.all("SELECT * FROM schedules WHERE paused = 0 AND next_at <= ? ORDER BY next_at, id", now)
        .map(toSchedule),
    nextAt() {
      const row = sql.get("SELECT min(next_at) AS next_at FROM schedules WHERE paused = 0");
      return row && integerOrNone(row, "next_at");
    },
    remove: (id) => sql.run("DELETE FROM schedules WHERE id = ?", id) > 0,
  };
}

function toSchedule(row: Row): Schedule {
  return {
    id: textOf(row, "id"),
    cron: textOf(row, "cron"),
    destination: textOf(row, "destination"),
    delivery: jsonOf<Delivery>(row, "delivery"),
    body: bytesOf(row, "body"),
    queue: textOrNone(row, "queue"),
    delayMs: integerOrNone(row, "delay_ms"),
    callerIp: textOf(row, "caller_ip"),
    createdAt: integerOf(row, "created_at"),
    nextAt: integerOrNone(row, "next_at"),
    lastAt: integerOrNone(row, "last_at"),
    lastIds: jsonOf<string[]>(row, "last_ids"),
    paused: integerOf(row, "paused") === 1,
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

export interface UrlGroups {
  put(group: UrlGroup): void;
  byName(name: string): UrlGroup | undefined;
  list(): UrlGroup[];
  remove(name: string): boolean;
}

/** URL groups in SQLite. */
export function createUrlGroups(sql: Sql): UrlGroups {
  const toGroup = (row: Row): UrlGroup => ({
    name: textOf(row, "name"),
    endpoints: jsonOf<Endpoint[]>(row, "endpoints"),
    createdAt: integerOf(row, "created_at"),
    updatedAt: integerOf(row, "updated_at"),
  });
  return {
    put: ({ name, endpoints, createdAt, updatedAt }) =>
      void sql.run(
        "INSERT OR REPLACE INTO url_groups VALUES (?,?,?,?)",
        name,
        JSON.stringify(endpoints),
        createdAt,
        updatedAt,
      ),
    byName(name) {
      const row = sql.get("SELECT * FROM url_groups WHERE name = ?", name);
      return row && toGroup(row);
    },
    list: () => sql.all("SELECT * FROM url_groups ORDER BY name").map(toGroup),
    remove: (name) => sql.run("DELETE FROM url_groups WHERE name = ?", name) > 0,
  };
}

export interface Queue {
  readonly name: string;
  readonly parallelism: number;
  readonly paused: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** How many messages are in it. */
  readonly lag: number;
}

export interface Queues {
  put(queue: Omit<Queue, "lag">): void;
  byName(name: string): Queue | undefined;
  list(): Queue[];
  remove(name: string): boolean;
}

/** Queues in SQLite. */
export function createQueues(sql: Sql): Queues {
  const toQueue = (row: Row): Queue => ({
    name: textOf(row, "name"),
    parallelism: integerOf(row, "parallelism"),
    paused: integerOf(row, "paused") === 1,
    createdAt: integerOf(row, "created_at"),
    updatedAt: integerOf(row, "updated_at"),
    lag: integerOf(row, "lag"),
  });
  const lag = "(SELECT count(*) FROM messages WHERE queue = name AND copy = 0) AS lag";
  return {
    put: ({ name, parallelism, paused, createdAt, updatedAt }) =>
      void sql.run(
        "INSERT OR REPLACE INTO queues VALUES (?,?,?,?,?)",
        name,
        parallelism,
        paused ? 1 : 0,
        createdAt,
        updatedAt,
      ),
    byName(name) {
      const row = sql.get(`SELECT *, ${lag} FROM queues WHERE name = ?`, name);
      return row && toQueue(row);
    },
    list: () => sql.all(`SELECT *, ${lag} FROM queues ORDER BY name`).map(toQueue),
    remove: (name) => sql.run("DELETE FROM queues WHERE name = ?", name) > 0,
  };
}
