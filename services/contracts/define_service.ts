import { createDefineService } from "@edgepass/shared/http";
import { dependencyPolicies } from "./dependencies.ts";
import { eventTypes } from "./generated/events.ts";
import { exportServices } from "./generated/services.ts";

/** Declares a service of the product: the default export of `services/<name>/service.ts`. */
export const defineService = createDefineService({
  events: eventTypes,
  policies: dependencyPolicies,
  exports: exportServices,
});
