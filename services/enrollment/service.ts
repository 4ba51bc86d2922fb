import { CourseForEnrollment, defineService } from "@edgepass/contracts";
import { Problem } from "@edgepass/shared/problem";
import {
  enrollmentHandlers,
  enrollmentReconciliation,
  sqlEnrollmentProjection,
} from "./projections.ts";
import { enrollmentRoutes, exportRoutes } from "./routes.ts";
import { createEnrollments } from "./rules.ts";
import { sqlEnrollmentStore } from "./store.ts";

export default defineService({
  name: "enrollment",
  description: "Who learns what, and how far they are",
  exports: "Courses the person is in, with progress",
  collectsExports: true,
  calls: ["course"],
  create({ sql, outbox, client, collectExports, now, newId }) {
    const store = sqlEnrollmentStore(sql, outbox);
    const enrollments = createEnrollments({
      store,
      readCourse: async (id) =>
        requireSame(id, await client.read("course", `/courses/${id}`, CourseForEnrollment)),
      now,
      newId,
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
 * The course as visible to the request's subject; undefined when there is none.
 *
 * @throws {Problem} `upstream_bad_response` for another course than the requested one
 */
function requireSame(
  id: string,
  course: CourseForEnrollment | undefined,
): CourseForEnrollment | undefined {
  if (course === undefined || course.id === id) return course;
  const cause = new Error("Service course answered with another course");
  throw new Problem("upstream_bad_response", { cause });
}
