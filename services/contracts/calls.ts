import { z } from "@hono/zod-openapi";

// Each schema holds what one service reads of another's response and no more. Other fields are
// dropped, so the responding service may add fields without breaking its readers.

/** What user reads of an account in auth (`GET /internal/accounts/me`, `GET /internal/accounts/{id}`). */
export const AccountSummary = z.object({ id: z.string().min(1), name: z.string().min(1) });
export type AccountSummary = z.infer<typeof AccountSummary>;

/** What course reads of the instructor's profile (`GET /users/me`). */
export const ProfileForCourse = z.object({ id: z.string().min(1), name: z.string().min(1) });
export type ProfileForCourse = z.infer<typeof ProfileForCourse>;

/**
 * What enrollment reads of a course (`GET /courses/{id}`).
 *
 * `state` stays open: a state that course adds later means that enrollment is closed; it must not
 * count as a malformed response.
 */
export const CourseForEnrollment = z.object({
  id: z.string().min(1),
  title: z.string(),
  state: z.string(),
  lessons: z.array(z.object({ id: z.string().min(1) })),
});
export type CourseForEnrollment = z.infer<typeof CourseForEnrollment>;
