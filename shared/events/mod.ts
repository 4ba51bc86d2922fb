export { cloudEventMediaType } from "./cloud_event.ts";
export { type Accepted, type Delivery, PoisonError } from "./consumer.ts";
export {
  createEvents,
  type EventEndpoint,
  type Events,
  type EventsEffects,
  type EventsOptions,
} from "./create_events.ts";
export {
  type Announcement,
  type Change,
  type Changes,
  createOutbox,
  type Outbox,
  type OutboxOptions,
  type SomeChanges,
} from "./outbox.ts";
export type { Waiting } from "./relay_rows.ts";
export { qstashSettings, toDestination } from "./settings.ts";
export {
  type ConsumedType,
  type DataOf,
  type EventOf,
  type EventRow,
  type EventTable,
  type PublishedType,
} from "./table.ts";
export type { Fetch } from "./transport.ts";
