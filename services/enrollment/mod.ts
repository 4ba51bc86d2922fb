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

/** Creates the enrollment service: who learns what, and their progress. */
export function createEnrollmentService(
  { runtime, idempotency, events, projection, readOthers, ...deps }: EnrollmentOptions & {
    readonly runtime: ServiceRuntime;
    /** From `createEvents`; the store has its outbox. */
    readonly events: EnrollmentEvents;
    /** Applies events of other services. */
    readonly projection: EnrollmentProjection;
    /** What other services store about the request's subject. */
    readonly readOthers: () => Promise<OtherExports>;
    /** Where responses to creations are stored; without it `Idempotency-Key` is ignored. */
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
