export type { Change, Changes, SomeChanges } from "../sql/orm.ts";
export {
  type ConsumedType,
  type DataOf,
  type EventHandlers,
  type EventOf,
  type EventRow,
  type EventTable,
  type PublishedEvent,
  type PublishedType,
  type PublishedTypes,
  readPublished,
} from "./cloud_event.ts";
export type { Accepted, Delivery } from "./consumer.ts";
export {
  createEvents,
  type EventEndpoint,
  type Events,
  type EventsOptions,
} from "./create_events.ts";
export type { CompleteDeadLetter, DeadLetter } from "./dead_letter.ts";
export type { DeadLetterQueue, Replayed } from "./dead_letter_queue.ts";
export { type DeletionOf, isNotDeleted, type SubjectStore } from "./subjects.ts";
export {
  createQstashClient,
  type EventSettings,
  type QstashAccess,
  qstashSettings,
  readEventSettings,
  toDestination,
} from "./qstash.ts";
export type { EventsEffects } from "./open_qstash.ts";
export { createOutbox, type EventInput, type Outbox, type OutboxOptions } from "./outbox.ts";
export type { BacklogRow, ParkedEvent } from "./relay_rows.ts";
export type {
  Facets,
  PublishedBy,
  ReconciliationDescription,
  ReconciliationEndpoint,
  ReconciliationPage,
  ReconciliationSource,
} from "./reconciliation.ts";
export type {
  Comparison,
  Differences,
  Projected,
  Projection,
  State,
  StatePage,
} from "./reconciliation_compare.ts";
export {
  type ProjectedRows,
  type PublishedRows,
  reconcileRows,
  type ReconciliationRows,
} from "./reconciliation_sql.ts";
export { type Fetch, PublishError } from "./qstash.ts";
