import {
  addExportRoute,
  createService,
  type ServiceApp,
  type ServiceRuntime,
} from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { type CourseEvents, registerHandlers } from "./events.ts";
import { lessonRoutes } from "./lesson_routes.ts";
import type { CourseProjection } from "./projections.ts";
import { courseRoutes } from "./routes.ts";
import { type CourseOptions, createCourses } from "./service.ts";

export { type CourseProjection, sqlCourseProjection } from "./projections.ts";
export { sqlCourseStore } from "./store.ts";
export type { CourseStore } from "./store.ts";
export type { CourseOptions } from "./service.ts";

/** Creates the course service: courses and their lessons. */
export function createCourseService(
  { runtime, idempotency, events, projection, ...deps }: CourseOptions & {
    readonly runtime: ServiceRuntime;
    /** From `createEvents`; the store has its outbox. */
    readonly events: CourseEvents;
    /** Applies events of other services. */
    readonly projection: CourseProjection;
    /** Where responses to creations are stored; without it `Idempotency-Key` is ignored. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  const courses = createCourses(deps);
  registerHandlers(events, projection);
  const app = createService({
    name: "course",
    description: "Courses and their lessons",
    runtime,
    idempotency,
    events,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/courses", courseRoutes(courses));
  app.route("/courses", lessonRoutes(courses));
  addExportRoute(app, (personId) => deps.store.readExport(personId));
  return app;
}
