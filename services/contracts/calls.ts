import { z } from "@hono/zod-openapi";

// Each schema is what one service reads of another's answer and no more: whatever else comes along
// is dropped, so that the answering side may grow without asking its readers.

/** What user reads of an account in auth (`GET /internal/accounts/me`, `GET /internal/accounts/{id}`). */
export const AccountSummary = z.object({ id: z.string().min(1), name: z.string().min(1) });
export type AccountSummary = z.infer<typeof AccountSummary>;

/** What course reads of the profile of the person who teaches (`GET /users/me`). */
export const ProfileForCourse = z.object({ id: z.string().min(1), name: z.string().min(1) });
export type ProfileForCourse = z.infer<typeof ProfileForCourse>;

/**
 * What enrollment reads of another service's part of a person's export (`GET /internal/export`), to
 * be handed on as it is.
 */
export const ExportPart = z.record(z.string(), z.unknown());
export type ExportPart = z.infer<typeof ExportPart>;

/**
 * What enrollment reads of a course (`GET /courses/{id}`).
 *
 * `state` stays open: a state that course learns later is one that nobody enrolls in, no broken answer.
 */
export const CourseForEnrollment = z.object({
  id: z.string().min(1),
  title: z.string(),
  state: z.string(),
  lessons: z.array(z.object({ id: z.string().min(1) })),
});
export type CourseForEnrollment = z.infer<typeof CourseForEnrollment>;
