import {
  addExportRoute,
  createService,
  type ServiceApp,
  type Starter,
} from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type CourseEvents, hearNews } from "./events.ts";
import { lessonRoutes } from "./lesson_routes.ts";
import type { CourseNews } from "./news_store.ts";
import { courseRoutes } from "./routes.ts";
import { type CourseDeps, createCourses } from "./service.ts";

export { type CourseNews, sqlCourseNews } from "./news_store.ts";
export { sqlCourseStore } from "./store.ts";
export type { CourseStore } from "./store.ts";
export type { CourseDeps } from "./service.ts";

/** Makes the course service: courses and their lessons. */
export function createCourseService(
  { starter, idempotency, events, news, ...deps }: CourseDeps & {
    readonly starter: Starter;
    /** From `createEvents`; the store has its outbox. */
    readonly events: CourseEvents;
    /** Where news of other services goes. */
    readonly news: CourseNews;
    /** Where answers to creations are kept; without one `Idempotency-Key` is not looked at. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  const courses = createCourses(deps);
  hearNews(events, news);
  const app = createService({
    name: "course",
    description: "Courses and their lessons",
    starter,
    idempotency,
    events,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/courses", courseRoutes(courses));
  app.route("/courses", lessonRoutes(courses));
  addExportRoute(app, (personId) => deps.store.readExport(personId));
  return app;
}
