import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { enrollmentRoutes } from "./routes.ts";
import { createEnrollments, type EnrollmentDeps } from "./service.ts";

export { sqlEnrollmentStore } from "./store.ts";
export type { EnrollmentStore } from "./store.ts";
export type { EnrollmentDeps } from "./service.ts";

/** Makes the enrollment service: who learns what, and how far they are. */
export function createEnrollmentService(
  { starter, idempotency, ...deps }: EnrollmentDeps & {
    readonly starter: Starter;
    /** Where answers to creations are kept; without one `Idempotency-Key` is not looked at. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  const app = createService({
    name: "enrollment",
    description: "Who learns what, and how far they are",
    starter,
    idempotency,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/enrollments", enrollmentRoutes(createEnrollments(deps)));
  return app;
}
