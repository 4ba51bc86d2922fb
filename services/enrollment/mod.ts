import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type EnrollmentEvents, hearNews } from "./events.ts";
import type { EnrollmentNews } from "./news_store.ts";
import type { OtherExports } from "./export.ts";
import { exportRoutes } from "./export_routes.ts";
import { enrollmentRoutes } from "./routes.ts";
import { createEnrollments, type EnrollmentDeps } from "./service.ts";

export { type EnrollmentNews, sqlEnrollmentNews } from "./news_store.ts";
export { sqlEnrollmentStore } from "./store.ts";
export type { EnrollmentStore } from "./store.ts";
export type { EnrollmentDeps } from "./service.ts";

/** Makes the enrollment service: who learns what, and how far they are. */
export function createEnrollmentService(
  { starter, idempotency, events, news, readOthers, ...deps }: EnrollmentDeps & {
    readonly starter: Starter;
    /** From `createEvents`; the store has its outbox. */
    readonly events: EnrollmentEvents;
    /** Where news of other services goes. */
    readonly news: EnrollmentNews;
    /** What other services keep about the person who asks. */
    readonly readOthers: () => Promise<OtherExports>;
    /** Where answers to creations are kept; without one `Idempotency-Key` is not looked at. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  hearNews(events, news);
  const app = createService({
    name: "enrollment",
    description: "Who learns what, and how far they are",
    starter,
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
