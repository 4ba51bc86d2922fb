export type { Change, Changes, SomeChanges } from "../sql/store.ts";
export {
  type DataOf,
  type EventHandlers,
  type EventOf,
  type EventRow,
  type EventTable,
  type PublishedType,
  type PublishedTypes,
} from "./cloud_event.ts";
export type { Accepted, Delivery } from "./consumer.ts";
export {
  createEvents,
  type EventEndpoint,
  type Eventing,
  eventing,
  type Events,
  type EventsOptions,
} from "./create_events.ts";
export type { CompleteDeadLetter, DeadLetter } from "./dead_letter.ts";
export type { DeadLetterQueue, Replayed } from "./dead_letter_queue.ts";
export { type DeletionOf, isNotDeleted, type SubjectStore } from "./sequences.ts";
export {
  type EventSettings,
  type QstashAccess,
  type QstashClient,
  qstashSettings,
  readEventSettings,
  toDestination,
} from "./qstash.ts";
export { type EventsEffects, loadQstashClient } from "./open_qstash.ts";
export {
  createOutbox,
  type EventInput,
  type Outbox,
  type OutboxOptions,
  type PublishedEvent,
} from "./outbox.ts";
export type { BacklogRow, ParkedEvent } from "./relay_rows.ts";
export type {
  ReconciliationDescription,
  ReconciliationEndpoint,
  ReconciliationPage,
} from "./reconciliation.ts";
export {
  type Comparison,
  type Differences,
  type FacetRegistry,
  type Projected,
  type ProjectedRows,
  type Projection,
  type PublishedBy,
  type PublishedRows,
  reconcileRows,
  type ReconciliationRows,
  type ReconciliationSource,
  type State,
  type StatePage,
} from "./reconciliation_states.ts";
export { type Fetch, PublishError } from "./qstash.ts";
