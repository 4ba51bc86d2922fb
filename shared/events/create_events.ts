import { background } from "../isolate.ts";
import type { Bindings } from "../composition/settings.ts";
import type { Logger } from "../log.ts";
import { openOptionalUpstash } from "../redis/mod.ts";
import type { SqlDb } from "../sql/statement.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { EventHandlers, EventTable } from "./cloud_event.ts";
import { type Accepted, createConsumer, type Delivery } from "./consumer.ts";
import { createDeadLetters, createReportFailure } from "./dead_letter.ts";
import type { DeadLetterQueue } from "./dead_letter_queue.ts";
import { createHandlers, createSignatureCheck, type Handler, sqlInbox } from "./delivery.ts";
import { readEventSettings, toDestination } from "./qstash.ts";
import { type EventsEffects, openQstash } from "./open_qstash.ts";
import { deleteResponsesTo } from "../sql/store.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { type BacklogRow, type ParkedEvent, sqlRelayRows } from "./relay_rows.ts";
import {
  createSequenceMark,
  createSubjectStores,
  readEnded,
  type SequenceMark,
  type SubjectStore,
} from "./sequences.ts";
import { createReconciliation, type ReconciliationEndpoint } from "./reconciliation.ts";
import { type FacetRegistry, reconcileRows } from "./reconciliation_states.ts";

/** The part of a service's events that `createService` needs. */
export interface EventEndpoint {
  /** The service's name; deliveries come to `/events/<service>`. */
  readonly service: string;
  /** Processes a delivery. @throws {Problem} as documented at `createConsumer` */
  receive(delivery: Delivery): Promise<Accepted>;
  /** Receives QStash's failure callback. @throws {Problem} `event_signature_invalid` */
  receiveFailure(delivery: Delivery): Promise<void>;
  /** Publishes the backlog after the response; scheduled maintenance publishes what is left. */
  publishSoon(): void;
  /**
   * Requires a handler for every type that the table assigns to this consumer.
   *
   * @throws {TypeError} naming the types without a handler
   */
  requireHandlers(): void;
  /** Deliveries to this service that QStash has given up. */
  readonly deadLetters: DeadLetterQueue;
  /** Size of the backlog. */
  waiting(): Promise<BacklogRow>;
  /** The oldest hundred parked events. */
  parked(): Promise<readonly ParkedEvent[]>;
  /**
   * Returns parked events to the backlog once an operator has fixed the cause. Returns how many.
   */
  unpark(): Promise<number>;
  /** The operations that reconciliation calls. */
  readonly reconciliation: ReconciliationEndpoint;
  /** Registers rows that are deleted with their subject, so that no handler has to delete them. */
  projects(store: SubjectStore): void;
  /** The same for the stored responses of a service with idempotency keys. */
  projectsStoredResponses(): void;
}

/** The events that a service publishes and consumes. */
export interface Events<Table extends EventTable, Service extends string> extends EventEndpoint {
  /** For the stores: a change and its event are written in one batch. */
  readonly outbox: Outbox<Table, Service>;
  /**
   * Registers handlers, by type. A handler returns the statements of the effect and writes nothing
   * itself. It may run more than once for the same event. For an event that can never be handled it
   * throws a `PoisonError`.
   *
   * @throws {TypeError} for a second handler of a type, and a type that the service does not consume
   */
  on(handlers: EventHandlers<Table>): void;
  /** The facets that the service publishes, and those of other services that it projects. */
  readonly facets: FacetRegistry<Table, Service>;
  /** Before the first request: detects a database that was restored from an older backup. */
  start(): Promise<void>;
  /**
   * Scheduled maintenance: publishes events that a crash left behind, replays the dead letters of a
   * downtime, and deletes old rows.
   */
  maintain(): Promise<void>;
}

/** Options of {@link createEvents}. */
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
/** Upper bound of the publishing step of maintenance; on Workers a cron run may take minutes. */
const maxMaintenanceMs = 50_000;

/**
 * Wires the events of a service.
 *
 * Without `QSTASH_URL` and `QSTASH_TOKEN` nothing is published and the outbox keeps its rows.
 * Without signing keys every delivery is refused.
 *
 * @throws {ConfigError} naming settings that are malformed, or that are set without the others
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
  const reportFailure = createReportFailure({ service, log, telemetry });
  const mark = openMark(bindings, effects, { service, sql, log, now });
  const common = { service, table, log, telemetry, now };
  const findEnded = (subjects: readonly string[]) => readEnded(sql, subjects);
  const uses = { ...common, rows, settings, effects, reportFailure, mark, findEnded };
  const { relay, deadLetters, deadLetterMaintenance } = openQstash(uses);
  const url = toDestination(settings.publicOrigin ?? "", service);
  const { signingKeys: keys, leewaySeconds } = settings;
  const check = createSignatureCheck({ keys, leewaySeconds, now });
  const facets = createReconciliation({ service, table, sql, log, now });
  const reportWaiting = createGauge({ service, telemetry });
  return {
    service,
    outbox: createOutbox({ service, table, sql, now, deletionOf }),
    projects: (store) => void stores.push(store),
    projectsStoredResponses: () =>
      void stores.push({ deletionOf: (db, subject) => [deleteResponsesTo(db, subject)] }),
    on: (handlers) => registerEach(on, handlers),
    requireHandlers,
    receive: createConsumer({ ...common, handlers, inbox, check, url }),
    receiveFailure: createDeadLetters({ check, url: `${url}/failed`, log, reportFailure }),
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
    },
    deadLetters,
    waiting: rows.waiting,
    parked: rows.listParked,
    unpark: rows.unpark,
    facets,
    reconciliation: facets.endpoint,
  };
}

function registerEach(
  on: (type: string, handler: Handler) => void,
  handlers: Readonly<Record<string, unknown>>,
): void {
  for (const [type, handler] of Object.entries(handlers)) {
    if (typeof handler === "function") on(type, async (event) => await handler(event));
  }
}

/** The mark is updated after the response, so a Redis outage does not delay a response. */
const markTimeoutMs = 1_000;

function openMark(
  bindings: Bindings,
  { redis }: EventsEffects,
  deps: Omit<Parameters<typeof createSequenceMark>[0], "redis">,
): SequenceMark | undefined {
  const store = redis ?? openOptionalUpstash(bindings, markTimeoutMs);
  return store && createSequenceMark({ ...deps, redis: store });
}

/** The metric takes differences, so the last reported value is stored here. */
function createGauge(
  { service, telemetry }: { service: string; telemetry: Telemetry },
): (waiting: BacklogRow) => void {
  let reported = 0;
  return function report({ waiting, parked }) {
    const change = waiting + parked - reported;
    reported += change;
    telemetry.metrics.move(
      "edgepass.events.outbox.waiting",
      { "edgepass.service": service },
      change,
    );
  };
}

/** What composes the events of a service; a product passes it to `createDefineService`. */
export const eventing = { createEvents, createOutbox, reconcileRows } as const;
/** The type of {@link eventing}. */
export type Eventing = typeof eventing;
