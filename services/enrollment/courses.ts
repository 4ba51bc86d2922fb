import { CourseForEnrollment } from "@edgepass/contracts";
import type { ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/**
 * Asks course for a course as the person who asks may see it; undefined where there is none.
 *
 * @throws {Problem} `upstream_bad_response` when course fails or answers something else, and what
 * the client throws when course cannot be reached
 */
export async function readCourse(
  client: ServiceClient<"course">,
  id: string,
): Promise<CourseForEnrollment | undefined> {
  const response = await client.call("course", `/courses/${id}`);
  if (response.status !== 200) {
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    throw badResponse(new Error(`Course answered ${response.status}`));
  }
  const course = CourseForEnrollment.safeParse(await response.json().catch(() => undefined));
  if (!course.success) throw badResponse(course.error);
  if (course.data.id !== id) throw badResponse(new Error("Course answered with another course"));
  return course.data;
}

function badResponse(cause: unknown): Problem {
  return new Problem("upstream_bad_response", { cause });
}
