import { background } from "../background.ts";
import type { Bindings } from "../config.ts";
import type { Logger } from "../log.ts";
import { openOptionalUpstash } from "../redis/mod.ts";
import type { SqlDb } from "../sql/statement.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ReadEvent } from "./cloud_event.ts";
import { type Accepted, createConsumer, type Delivery, type Handler } from "./consumer.ts";
import { createDeadLetters, createReportFailure } from "./dead_letter.ts";
import type { DeadLetterQueue } from "./dead_letter_queue.ts";
import { createHandlers } from "./handlers.ts";
import { sqlInbox } from "./inbox.ts";
import { type EventsEffects, openQstash } from "./open_qstash.ts";
import { type Changes, createOutbox, type Outbox } from "./outbox.ts";
import { type BacklogRow, type ParkedEvent, sqlRelayRows } from "./relay_rows.ts";
import { readEventSettings, toDestination } from "./settings.ts";
import { readEnded } from "./sequences.ts";
import { createSignatureCheck } from "./signature.ts";
import { createSequenceMark, type SequenceMark } from "./sequence_mark.ts";
import { createSubjectStores, type SubjectStore } from "./subject_stores.ts";
import { createStates, type States, type StatesEndpoint } from "./reconciliation.ts";
import type { ConsumedType, EventOf, EventTable } from "./table.ts";

/** What `createService` needs of a service's events. */
export interface EventEndpoint {
  /** The service's name; deliveries come to `/events/<service>`. */
  readonly service: string;
  /** Takes a delivery. @throws {Problem} as `createConsumer` says */
  receive(delivery: Delivery): Promise<Accepted>;
  /** Hears that a delivery was given up. @throws {Problem} `event_signature_invalid` */
  receiveFailure(delivery: Delivery): Promise<void>;
  /** Publishes what waits, after the answer; what it leaves the sweep will find. */
  publishSoon(): void;
  /**
   * Refuses a service that does not handle what the table says it hears.
   *
   * @throws {TypeError} naming the types
   */
  requireHandlers(): void;
  /** What QStash has given up on its way here. */
  readonly deadLetters: DeadLetterQueue;
  /** How much waits to be published. */
  waiting(): Promise<BacklogRow>;
  /** The oldest hundred of those that wait for an operator. */
  parked(): Promise<readonly ParkedEvent[]>;
  /** Lets parked events be tried again, and says how many: an operator has mended the cause. */
  unpark(): Promise<number>;
  /** What reconciliation asks. */
  readonly reconciliation: StatesEndpoint;
  /** Has something go with the subjects it belongs to, so that no handler can forget it. */
  projects(store: SubjectStore): void;
}

/** What a service says and hears. */
export interface Events<Table extends EventTable, Service extends string> extends EventEndpoint {
  /** For the stores: a change and its event are one batch. */
  readonly outbox: Outbox<Table, Service>;
  /**
   * Says what to do with a type. The handler gives the statements of the effect and writes nothing
   * itself; it may be asked again for the same event. An event that can never be handled is a
   * `PoisonError`.
   */
  on<Type extends ConsumedType<Table, Service>>(
    type: Type,
    handler: (event: EventOf<Table, Type>) => Changes | Promise<Changes>,
  ): void;
  /** What the service can say again, and what it keeps of others, for reconciliation. */
  readonly states: Pick<States<Table, Service>, "publishes" | "projects">;
  /** Notices, once before the first request, that the database was restored from an older backup. */
  start(): Promise<void>;
  /** Publishes what crashes left, replays what came while nobody was here, forgets what is old. */
  maintain(): Promise<void>;
}

/** What events are made of. */
export interface EventsOptions<Table extends EventTable, Service extends string> {
  /** The service's name. */
  readonly service: Service;
  /** Every type of event there is. */
  readonly table: Table;
  /** The service's own database, with the tables of `tables.sql`. */
  readonly sql: SqlDb;
  /** Has `QSTASH_*`, `PUBLIC_ORIGIN` and `LEEWAY_SECONDS`. */
  readonly bindings: Bindings;
  /** From `createServiceRuntime`. */
  readonly runtime: {
    createLogger(service: string): Logger;
    readonly telemetry: Telemetry;
    readonly now: () => number;
  };
}

const dayMs = 86_400_000;
const publishedDays = 7;
const inboxDays = 90;
/** A sweep may take its time; on Workers cron gives it minutes. */
const maxMaintenanceMs = 50_000;

/**
 * Wires the events of a service.
 *
 * Without `QSTASH_URL` and `QSTASH_TOKEN` nothing is published and the outbox keeps what it is given;
 * without signing keys every delivery is refused.
 *
 * @throws {ConfigError} naming the settings that are malformed, or that are set without their others
 */
export function createEvents<Table extends EventTable, const Service extends string>(
  { service, table, sql, bindings, runtime }: EventsOptions<Table, Service>,
  effects: EventsEffects = {},
): Events<Table, Service> {
  const settings = readEventSettings(bindings);
  const { now, telemetry } = runtime;
  const log = runtime.createLogger(service);
  const { stores, deletionOf } = createSubjectStores();
  const inbox = sqlInbox(sql, deletionOf);
  const rows = sqlRelayRows(sql);
  const { handlers, on, requireHandlers } = createHandlers(service, table);
  const tell = createReportFailure({ service, log, telemetry });
  const mark = openMark(bindings, effects, { service, sql, log, now });
  const { relay, deadLetters, deadLetterMaintenance } = openQstash({
    service,
    table,
    rows,
    log,
    telemetry,
    now,
    settings,
    effects,
    tell,
    mark,
    findEnded: (subjects) => readEnded(sql, subjects),
  });
  const url = toDestination(settings.publicOrigin ?? "", service);
  const check = createSignatureCheck({
    keys: settings.signingKeys,
    leewaySeconds: settings.leewaySeconds,
    now,
  });
  const states = createStates({ service, table, sql, log, now });
  const reportWaiting = createGauge({ service, telemetry });
  return {
    service,
    outbox: createOutbox({ service, table, sql, now, deletionOf }),
    projects: (store) => void stores.push(store),
    on: (type, handler) => on(type, toHandler(handler)),
    requireHandlers,
    receive: createConsumer({ service, table, handlers, inbox, check, url, log, telemetry, now }),
    receiveFailure: createDeadLetters({ check, url: `${url}/failed`, log, tell }),
    publishSoon() {
      if (relay) background(relay.run(), (cause) => log.error("Events are late", { cause }));
    },
    start: async () => await mark?.check(),
    async maintain() {
      await mark?.check();
      await relay?.run({ maxMs: maxMaintenanceMs });
      await deadLetterMaintenance?.run();
      reportWaiting(await rows.waiting());
      await rows.prune(now() - publishedDays * dayMs);
      await inbox.prune(now() - inboxDays * dayMs);
      for (const store of stores) await store.prune();
    },
    deadLetters,
    waiting: () => rows.waiting(),
    parked: () => rows.listParked(),
    unpark: () => rows.unpark(),
    states,
    reconciliation: states.endpoint,
  };
}

/** Redis away costs an answer nothing: the mark is looked after behind it. */
const markTimeoutMs = 1_000;

function openMark(
  bindings: Bindings,
  { redis }: EventsEffects,
  deps: Omit<Parameters<typeof createSequenceMark>[0], "redis">,
): SequenceMark | undefined {
  const activeSpan = redis ?? openOptionalUpstash(bindings, markTimeoutMs);
  return activeSpan && createSequenceMark({ ...deps, redis: activeSpan });
}

/** `on` binds a handler to its type, and a consumer gives it only events whose data fit the type. */
function toHandler<Event extends EventOf<EventTable, string>>(
  handler: (event: Event) => Changes | Promise<Changes>,
): Handler {
  return handler as unknown as (event: ReadEvent) => Changes | Promise<Changes>;
}

/** Gauges are moved, so what was told before is kept. */
function createGauge(
  { service, telemetry }: { service: string; telemetry: Telemetry },
): (waiting: BacklogRow) => void {
  let told = 0;
  return function report({ waiting, parked }) {
    const change = waiting + parked - told;
    told += change;
    telemetry.metrics.move(
      "edgepass.events.outbox.waiting",
      { "edgepass.service": service },
      change,
    );
  };
}
