import { z } from "@hono/zod-openapi";
import type { PublishedTypes } from "@edgepass/shared/events";

// An event carries ids and what its consumers store, nothing else: it waits in a third party's
// queue, and no consumer must have to call back for its content.
const Enrolled = z.object({ courseId: z.string().min(1) });
const Nothing = z.object({});

/** The types of event that enrollment publishes. */
export const events = {
  "enrollment.created": {
    version: 1,
    facet: "progress",
    data: Enrolled,
    means: "a learner has started a course",
  },
  "enrollment.completed": {
    version: 1,
    facet: "progress",
    data: Enrolled,
    means: "a learner has started a course and completed every lesson of it",
  },
  "enrollment.deleted": {
    version: 1,
    facet: "end",
    data: Nothing,
    means: "a learner has left the course, or their account is deleted",
  },
} as const satisfies PublishedTypes;
