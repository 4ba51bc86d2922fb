import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import type { SqlDb } from "@edgepass/shared/sql";
import { lessonRoutes } from "./lesson_routes.ts";
import { courseRoutes } from "./routes.ts";
import { type CourseDeps, createCourses } from "./service.ts";

export { sqlCourseStore } from "./store.ts";
export type { CourseStore } from "./store.ts";
export type { CourseDeps } from "./service.ts";

/** Makes the course service: courses and their lessons. */
export function createCourseService(
  { starter, idempotency, ...deps }: CourseDeps & {
    readonly starter: Starter;
    /** Where answers to creations are kept; without one `Idempotency-Key` is not looked at. */
    readonly idempotency?: SqlDb;
  },
): ServiceApp {
  const courses = createCourses(deps);
  const app = createService({
    name: "course",
    description: "Courses and their lessons",
    starter,
    idempotency,
    readiness: { database: () => deps.store.check() },
  });
  app.route("/courses", courseRoutes(courses));
  app.route("/courses", lessonRoutes(courses));
  return app;
}
