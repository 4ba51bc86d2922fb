import { z } from "@hono/zod-openapi";
import type { PublishedTypes } from "@edgepass/shared/events";

// An event carries ids and what its consumers store, nothing else: it waits in a third party's
// queue, and no consumer must have to call back for its content.
const Named = z.object({ name: z.string().min(1).max(100) });

/** The types of event that user publishes. */
export const events = {
  "user.profile-changed": {
    version: 1,
    facet: "profile",
    data: Named,
    means: "the display name has changed",
  },
} as const satisfies PublishedTypes;
