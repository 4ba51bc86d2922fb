import {
  type EventHandlers,
  eventing,
  type Outbox,
  type PublishedBy,
  type ReconciliationRows,
} from "@edgepass/shared/events";
import { createDefineService } from "@edgepass/shared/http";
import { dependencyPolicies } from "./dependencies.ts";
import { type EventTypes, eventTypes } from "./generated/events.ts";
import { exportServices, serviceNames } from "./generated/services.ts";

/** Declares a service of the product: the default export of `services/<name>/service.ts`. */
export const defineService = createDefineService({
  events: eventTypes,
  eventing,
  policies: dependencyPolicies,
  exports: exportServices,
  services: serviceNames,
  folderOf: (name) => `services/${name}/`,
});

/** The types of a service's events, by the product's table: `ServiceEvents<"course">["outbox"]`. */
export interface ServiceEvents<Name extends string> {
  /** An event that it publishes. */
  readonly published: PublishedBy<EventTypes, Name>;
  /** Stores its events in the batch of their change. */
  readonly outbox: Outbox<EventTypes, Name>;
  /** Its handlers of other services' events. */
  readonly handlers: EventHandlers<EventTypes>;
  /** What it publishes and projects, for reconciliation. */
  readonly reconciliation: ReconciliationRows<EventTypes, Name>;
}
