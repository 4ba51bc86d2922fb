import { join } from "node:path";
import type { Administrator } from "./admin_api.ts";
import { createAnnouncer, createStream, type Stream } from "./stream.ts";
import type { Exit, LogLine, State } from "./api.ts";
import { type Check, checkDatabase, checkHttp, checkRedis } from "./checks.ts";
import type { BaseSetting } from "./configuration_api.ts";
import { openConfiguration } from "./configuration_part.ts";
import { createCollector, type Signal } from "./collector.ts";
import { type Database, openDatabase, storeFile } from "./database.ts";
import { createDeliveries, type DeliveryNote, type OutboxFile } from "./event_sources.ts";
import {
  addExit,
  describeEnd,
  findCrash,
  inFlightFile,
  listExits,
  listUnreported,
  markEnded,
  markReported,
  markRunning,
  readInFlight,
} from "./last_run.ts";
import { createHealth, type HealthBoard, type ProcessFacts } from "./health.ts";
import { createEventBoard, createQstashApi } from "./event_board.ts";
import { nameDatabase } from "./map.ts";
import { findRequest, readLastLines } from "./lists.ts";
import { createOwnTraces } from "./own_traces.ts";
import { createRoutes } from "./read_api.ts";
import { createServer, type DashboardPage } from "./server.ts";
import { type Batch, createStore, type Store } from "./store.ts";
import { createWriteGuard } from "../workspace/write_guard.ts";

/** What the dashboard shows of the system it belongs to; plain data. */
export interface System {
  readonly mode: string;
  readonly startedAt: number;
  readonly gatewayOrigin: string;
  readonly services: readonly string[];
  readonly redis: { readonly url: string; readonly token: string };
  /** The local QStash; undefined where one elsewhere was given. */
  readonly qstash?: { readonly url: string; readonly token: string } | undefined;
  /** Paths of SQLite files by the name they are shown under. */
  readonly databases: readonly (readonly [name: string, path: string])[];
  /** The login with which the page reads and changes the central configuration. */
  readonly administrator?: Administrator | undefined;
  /** The environment's values of settings that the central configuration may change. */
  readonly base?: readonly BaseSetting[];
}

export interface ObserverOptions {
  /** The folder of its store. */
  readonly folder: string;
  readonly port: number;
  readonly pid: number;
  readonly system: System;
  readonly page: () => Promise<DashboardPage>;
  readonly forward?: ((signal: Signal, body: string) => void) | undefined;
  readonly keepsLogs?: boolean;
  readonly onWarning: (message: string) => void;
  readonly now: () => number;
}

/** How a process ended, as its parent observed it. */
export type ExitedProcess = Pick<Exit, "name" | "code" | "signal" | "lastLines" | "isExpected">;

/** Collects, stores and shows what the system does. */
export interface Observer {
  readonly fetch: (request: Request) => Promise<Response>;
  receive(lines: readonly LogLine[]): void;
  noteDeliveries(notes: readonly DeliveryNote[]): void;
  started(process: ProcessFacts): void;
  ended(process: ExitedProcess): void;
  /** Crashes that were not reported yet. */
  unreported(): readonly Exit[];
  reported(): void;
  close(): void;
}

const shownExits = 20;
const lastLines = 8;

/** Opens the store of a folder and makes the observer of a system. */
export function createObserver(options: ObserverOptions): Observer {
  const { folder, port, page, onWarning, now } = options;
  const db = openStore(options);
  const store = createStore(db);
  const stream = createStream({
    onAudience(isThere) {
      health.watch(isThere);
      configuration.watch(isThere);
    },
  });
  const ownTraces = createOwnTraces(db);
  const announcer = createAnnouncer({
    stream,
    findRequest: (id) => findRequest(db, id),
    isOwn: ownTraces.has,
  });
  const probe = Deno.createHttpClient({ allowHost: true });
  const health = watchHealth(options, { db, stream, probe });
  const configuration = openConfiguration(options.system, {
    onVersion: (version) => stream.publish("configuration", { version }),
    isNear: isLoopback(options.system.redis.url),
    traces: ownTraces,
  });
  const guard = createWriteGuard({ what: join(folder, storeFile), report: onWarning });
  const take = (batch: Batch): void => {
    guard.attempt(() => announcer.publish(store.write(batch)));
    configuration.observe(batch.lines ?? []);
  };
  const deliveries = createDeliveries(db);
  const outboxes = toOutboxes(options.system);
  const { qstash } = options.system;
  const board = createEventBoard({
    db,
    outboxes,
    qstash: qstash && createQstashApi(qstash),
    onChange: () => stream.publish("events", { at: now() }),
  });
  const routes = createRoutes({
    db,
    outboxes,
    board,
    configuration: configuration.board,
    state: () => toState(options, store),
    health: health.read,
    openStream: stream.open,
    collect: createCollector({
      ...options,
      take,
      onMetrics: () => stream.publish("metrics", { at: now() }),
    }),
    services: options.system.services,
    now,
  });
  const onError = (cause: unknown) => onWarning(`The dashboard failed: ${String(cause)}`);
  return {
    fetch: createServer({ port, routes, page, onError }),
    receive: (lines) => take({ lines }),
    noteDeliveries(notes) {
      guard.attempt(() => deliveries.write(notes));
      stream.publish("events", { at: now() });
    },
    started: health.started,
    ended(process) {
      guard.attempt(() => keepExit(db, folder, { process, time: now() }));
      health.ended(process.name, describeEnd(process));
    },
    unreported: () => listUnreported(db),
    reported: () => guard.attempt(() => void markReported(db)),
    close() {
      health.close();
      configuration.close();
      announcer.close();
      stream.close();
      probe.close();
      guard.attempt(() => markEnded(folder));
      db[Symbol.dispose]();
    },
  };
}

/** Opens the store, and adds how the run before ended, if it crashed. */
function openStore({ folder, pid, onWarning, now }: ObserverOptions): Database {
  // Before anything is written: the time of the crash is that of the last write.
  const crash = findCrash(folder);
  const db = openDatabase(join(folder, storeFile), (path) => {
    onWarning(`The store of another version is now ${path}; a new one is created`);
  });
  if (crash) {
    const { exit, startedAt } = crash;
    const last = readLastLines(db, lastLines).filter(({ time }) => time >= startedAt);
    addExit(db, { ...exit, lastLines: last.map(toText) });
  }
  markRunning(folder, { pid, startedAt: now() });
  return db;
}

/** The last lines of an intended end need no explanation, unless it had to be forced. */
function keepExit(
  db: Database,
  folder: string,
  { process, time }: { process: ExitedProcess; time: number },
): void {
  if (process.isExpected && process.signal !== "SIGKILL") return;
  const inFlight = readInFlight(inFlightFile(folder, process.name), time);
  addExit(db, { ...process, time, inFlight });
}

function watchHealth(
  { system, now }: ObserverOptions,
  { db, stream, probe }: { db: Database; stream: Stream; probe: Deno.HttpClient },
): HealthBoard {
  const { host } = new URL(system.gatewayOrigin);
  return createHealth({
    others: toChecks(system),
    checkProcess: ({ port }) => checkHttp({ port, host, client: probe }),
    exits: () => listExits(db, shownExits),
    onChange: (changed) => stream.publish("health", changed),
    now,
    maxAgeMs: isLoopback(system.redis.url) ? 2_000 : 15_000,
    settleEveryMs: 500,
  });
}

function toState({ system, now }: ObserverOptions, store: Store): State {
  return {
    mode: system.mode,
    startedAt: system.startedAt,
    gateway: { origin: system.gatewayOrigin },
    now: now(),
    counts: store.counts(),
  };
}

function toChecks({ redis, databases }: System) {
  const row = (name: string, kind: "redis" | "database", check: Check) => ({ name, kind, check });
  return [
    row("redis", "redis", checkRedis(redis)),
    ...databases.map(([name, path]) => row(name, "database", checkDatabase(path))),
  ];
}

/** The services whose outbox is in a file of this machine. */
function toOutboxes({ databases, services }: System): OutboxFile[] {
  return services.flatMap((service) => {
    const path = databases.find(([name]) => name === nameDatabase(service))?.[1];
    return path === undefined ? [] : [{ service, path }];
  });
}

/** A provider elsewhere bills each command; dev's own Redis does not. */
function isLoopback(url: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(URL.parse(url)?.hostname ?? "");
}

/** A stored line as its program wrote it. */
function toText({ time, level, service, traceId, message, fields }: LogLine): string {
  const trace = traceId === null ? {} : { traceId };
  const at = new Date(time).toISOString();
  return JSON.stringify({ time: at, level, service, ...trace, message, ...fields });
}
