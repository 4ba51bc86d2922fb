import { z } from "@hono/zod-openapi";
import type { PublishedTypes } from "@edgepass/shared/events";

// An event carries ids and what its consumers store, nothing else: it waits in a third party's
// queue, and no consumer must have to call back for its content.
const Titled = z.object({ title: z.string().min(1).max(200) });

/** The types of event that course publishes. */
export const events = {
  "course.published": {
    version: 1,
    facet: "course",
    data: Titled,
    means: "the course is published, under this title",
  },
  "course.changed": {
    version: 1,
    facet: "course",
    data: Titled,
    means: "the title of a published course has changed",
  },
  "course.deleted": {
    version: 1,
    facet: "end",
    data: Titled.partial(),
    means: "the course is deleted",
  },
} as const satisfies PublishedTypes;
