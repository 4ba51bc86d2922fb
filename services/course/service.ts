import { defineService, ProfileForCourse } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
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
  create({ sql, outbox, client, now }) {
    const store = sqlCourseStore(sql, outbox);
    const courses = createCourses({ store, readProfile: () => readProfile(client), now });
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
 * Reads the profile of the request's subject from user.
 *
 * @throws {Problem} `forbidden` when the account is closed, and what `client.read` throws
 */
async function readProfile(client: ServiceClient<"user">): Promise<ProfileForCourse> {
  const profile = await client.read("user", "/users/me", ProfileForCourse);
  // A Passport outlives its account by seconds, and subjects of other issuers have no profile: an
  // instructor must have an account here.
  if (!profile) throw new Problem("forbidden", { detail: "There is no profile to teach under" });
  return profile;
}
