import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import { profileRoutes } from "./routes.ts";
import { createProfiles, type ProfileDeps } from "./service.ts";

export { sqlProfileStore } from "./store.ts";
export type { ProfileRecord, ProfileStore } from "./store.ts";
export type { Accounts, ProfileDeps } from "./service.ts";

/** Makes the user service: the profiles of people. */
export function createUserService(
  { starter, ...deps }: ProfileDeps & { readonly starter: Starter },
): ServiceApp {
  const app = createService({
    name: "user",
    description: "The profiles of people",
    starter,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/users", profileRoutes(createProfiles(deps)));
  return app;
}
