import {
  addExportRoute,
  createService,
  type ServiceApp,
  type ServiceRuntime,
} from "@edgepass/shared/http";
import { registerHandlers, type UserEvents } from "./events.ts";
import { profileRoutes } from "./routes.ts";
import { createProfiles, type ProfileOptions } from "./service.ts";

export { sqlProfileStore } from "./store.ts";
export type { ProfileRecord, ProfileStore, UserOutbox } from "./store.ts";
export type { UserEvents } from "./events.ts";
export type { Accounts, ProfileOptions } from "./service.ts";

/** Dependencies of the user service; the store's outbox is that of the events. */
export interface UserServiceOptions extends ProfileOptions {
  readonly runtime: ServiceRuntime;
  readonly events: UserEvents;
}

/** Creates the user service: the profiles of people. */
export function createUserService({ runtime, events, ...deps }: UserServiceOptions): ServiceApp {
  registerHandlers(events, deps.store.effects);
  const app = createService({
    name: "user",
    description: "The profiles of people",
    runtime,
    readiness: { database: () => deps.store.check() },
    events,
  });
  app.route("/users", profileRoutes(createProfiles(deps)));
  addExportRoute(app, (personId) => deps.store.readExport(personId));
  return app;
}
