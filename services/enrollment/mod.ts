import { createService, type ServiceApp, type ServiceRuntime } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type EnrollmentEvents, registerHandlers } from "./events.ts";
import type { EnrollmentProjection } from "./projections.ts";
import type { OtherExports } from "./export.ts";
import { exportRoutes } from "./export_routes.ts";
import { enrollmentRoutes } from "./routes.ts";
import { createEnrollments, type EnrollmentOptions } from "./service.ts";

export { type EnrollmentProjection, sqlEnrollmentProjection } from "./projections.ts";
export { sqlEnrollmentStore } from "./store.ts";
export type { EnrollmentStore } from "./store.ts";
export type { EnrollmentOptions } from "./service.ts";

/** Makes the enrollment service: who learns what, and how far they are. */
export function createEnrollmentService(
  { runtime, idempotency, events, projection, readOthers, ...deps }: EnrollmentOptions & {
    readonly runtime: ServiceRuntime;
    /** From `createEvents`; the store has its outbox. */
    readonly events: EnrollmentEvents;
    /** Where news of other services goes. */
    readonly projection: EnrollmentProjection;
    /** What other services keep about the person who asks. */
    readonly readOthers: () => Promise<OtherExports>;
    /** Where answers to creations are kept; without one `Idempotency-Key` is not looked at. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  registerHandlers(events, projection);
  const app = createService({
    name: "enrollment",
    description: "Who learns what, and how far they are",
    runtime,
    idempotency,
    events,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/enrollments", enrollmentRoutes(createEnrollments(deps)));
  app.route(
    "/",
    exportRoutes({
      readOwn: (personId) => deps.store.readExport(personId),
      readOthers,
      now: deps.now ?? Date.now,
    }),
  );
  return app;
}
