import {
  addExportRoute,
  createService,
  type ServiceApp,
  type Starter,
} from "@edgepass/shared/http";
import { hearOfPeople, type UserEvents } from "./events.ts";
import { profileRoutes } from "./routes.ts";
import { createProfiles, type ProfileDeps } from "./service.ts";

export { sqlProfileStore } from "./store.ts";
export type { ProfileRecord, ProfileStore, UserOutbox } from "./store.ts";
export type { UserEvents } from "./events.ts";
export type { Accounts, ProfileDeps } from "./service.ts";

/** What the user service is made of; the store's outbox is that of the events. */
export interface UserServiceDeps extends ProfileDeps {
  readonly starter: Starter;
  readonly events: UserEvents;
}

/** Makes the user service: the profiles of people. */
export function createUserService({ starter, events, ...deps }: UserServiceDeps): ServiceApp {
  hearOfPeople(events, deps.store.effects);
  const app = createService({
    name: "user",
    description: "The profiles of people",
    starter,
    readiness: { database: () => deps.store.check() },
    events,
  });
  app.route("/users", profileRoutes(createProfiles(deps)));
  addExportRoute(app, (personId) => deps.store.readExport(personId));
  return app;
}
