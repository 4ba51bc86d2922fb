import { defineService, ProfileForCourse } from "@edgepass/contracts";
import { Problem } from "@edgepass/shared/problem";
import { courseHandlers, courseReconciliation, sqlCourseProjection } from "./projections.ts";
import { courseRoutes, lessonRoutes } from "./routes.ts";
import { createCourses } from "./rules.ts";
import { sqlCourseStore } from "./store.ts";

export default defineService({
  name: "course",
  description: "Courses and their lessons",
  exports: "Courses the person teaches, drafts too",
  calls: ["user"],
  create({ sql, outbox, client, now, newId }) {
    const store = sqlCourseStore(sql, outbox);
    const readProfile = async () =>
      requireProfile(await client.read("user", "/users/me", ProfileForCourse));
    const courses = createCourses({ store, readProfile, now, newId });
    return {
      routes: { "/courses": [courseRoutes(courses), lessonRoutes(courses)] },
      ready: { database: () => store.check() },
      on: courseHandlers(sqlCourseProjection(sql)),
      reconciliation: courseReconciliation(store),
      readExport: (personId) => store.readExport(personId),
    };
  },
});

/**
 * A Passport outlives its account by seconds, and subjects of other issuers have no profile: an
 * instructor must have an account here.
 */
function requireProfile(profile: ProfileForCourse | undefined): ProfileForCourse {
  if (!profile) throw new Problem("forbidden", { detail: "There is no profile to teach under" });
  return profile;
}
