import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type EnrollmentEvents, hearNews } from "./events.ts";
import type { EnrollmentNews } from "./news_store.ts";
import { enrollmentRoutes } from "./routes.ts";
import { createEnrollments, type EnrollmentDeps } from "./service.ts";

export { type EnrollmentNews, sqlEnrollmentNews } from "./news_store.ts";
export { sqlEnrollmentStore } from "./store.ts";
export type { EnrollmentStore } from "./store.ts";
export type { EnrollmentDeps } from "./service.ts";

/** Makes the enrollment service: who learns what, and how far they are. */
export function createEnrollmentService(
  { starter, idempotency, events, news, ...deps }: EnrollmentDeps & {
    readonly starter: Starter;
    /** From `createEvents`; the store has its outbox. */
    readonly events: EnrollmentEvents;
    /** Where news of other services goes. */
    readonly news: EnrollmentNews;
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
  return app;
}
