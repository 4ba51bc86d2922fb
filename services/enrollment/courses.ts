import { CourseForEnrollment } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/**
 * Reads a course from course, as visible to the request's subject; undefined when there is none.
 *
 * @throws {Problem} `upstream_bad_response` also for another course's id, and what `client.read`
 *   throws
 */
export async function readCourse(
  client: ServiceClient<"course">,
  id: string,
): Promise<CourseForEnrollment | undefined> {
  const course = await client.read("course", `/courses/${id}`, CourseForEnrollment);
  if (course === undefined || course.id === id) return course;
  const cause = new Error("Service course answered with another course");
  throw new Problem("upstream_bad_response", { cause });
}
