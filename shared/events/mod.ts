export { cloudEventMediaType } from "./cloud_event.ts";
export { type Accepted, type Delivery, PoisonError } from "./consumer.ts";
export {
  createEvents,
  type EventEndpoint,
  type Events,
  type EventsOptions,
} from "./create_events.ts";
export type { DeadLetter, WholeDeadLetter } from "./dead_letter_facts.ts";
export type { DeadLetterQueue, Replayed } from "./dead_letter_queue.ts";
export { hasNotEnded } from "./ended.ts";
export type { EventsEffects } from "./open_qstash.ts";
export {
  type Announcement,
  type Change,
  type Changes,
  createOutbox,
  type Outbox,
  type OutboxOptions,
  type SomeChanges,
} from "./outbox.ts";
export type { ParkedEvent, Waiting } from "./relay_rows.ts";
export { readSaid, type SaidEvent } from "./said.ts";
export type {
  SaidBy,
  States,
  StatesDescription,
  StatesEndpoint,
  StateSource,
  StatesToCompare,
} from "./states.ts";
export type {
  Comparison,
  Differences,
  Kept,
  Projection,
  State,
  StatePage,
} from "./states_compare.ts";
export { PublishError } from "./publish_error.ts";
export type { DeletionOf, SubjectStore } from "./subject_stores.ts";
export { createQstashClient, type QstashAccess } from "./qstash_client.ts";
export {
  type EventSettings,
  qstashSettings,
  readEventSettings,
  toDestination,
} from "./settings.ts";
export {
  type ConsumedType,
  type DataOf,
  type EventOf,
  type EventRow,
  type EventTable,
  type PublishedType,
} from "./table.ts";
export type { Fetch } from "./transport.ts";
