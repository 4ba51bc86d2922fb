import { CourseForEnrollment, defineService } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import { exportRoutes } from "./export_routes.ts";
import {
  enrollmentHandlers,
  enrollmentReconciliation,
  sqlEnrollmentProjection,
} from "./projections.ts";
import { enrollmentRoutes } from "./routes.ts";
import { createEnrollments } from "./rules.ts";
import { sqlEnrollmentStore } from "./store.ts";

export default defineService({
  name: "enrollment",
  description: "Who learns what, and how far they are",
  exports: "Courses the person is in, with progress",
  collectsExports: true,
  calls: ["course"],
  create({ sql, outbox, client, collectExports, now }) {
    const store = sqlEnrollmentStore(sql, outbox);
    const enrollments = createEnrollments({
      store,
      readCourse: (id) => readCourse(client, id),
      now,
    });
    return {
      routes: {
        "/enrollments": enrollmentRoutes(enrollments),
        "/": exportRoutes({ readOwn: store.readExport, collectExports, now }),
      },
      ready: { database: () => store.check() },
      on: enrollmentHandlers(sqlEnrollmentProjection(sql, outbox)),
      reconciliation: enrollmentReconciliation(store),
      readExport: store.readExport,
    };
  },
});

/**
 * Reads a course from course, as visible to the request's subject; undefined when there is none.
 *
 * @throws {Problem} `upstream_bad_response` also for another course's id, and what `client.read`
 *   throws
 */
async function readCourse(
  client: ServiceClient<"course">,
  id: string,
): Promise<CourseForEnrollment | undefined> {
  const course = await client.read("course", `/courses/${id}`, CourseForEnrollment);
  if (course === undefined || course.id === id) return course;
  const cause = new Error("Service course answered with another course");
  throw new Problem("upstream_bad_response", { cause });
}
