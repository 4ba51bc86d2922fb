import { z } from "@hono/zod-openapi";
import type { PublishedTypes } from "@edgepass/shared/events";

// An event carries ids and what its consumers store, nothing else: it waits in a third party's
// queue, and no consumer must have to call back for its content.
const Named = z.object({ name: z.string().min(1).max(100) });
const Roles = z.object({ roles: z.array(z.enum(["learner", "instructor", "admin"])) });
const Nothing = z.object({});

/** The types of event that auth publishes. */
export const events = {
  "user.registered": {
    version: 1,
    facet: "registration",
    data: Named,
    means: "a user has signed up",
  },
  "user.roles-changed": {
    version: 1,
    facet: "roles",
    data: Roles,
    means: "an administrator has given or taken roles",
  },
  "user.disabled": { version: 1, facet: "access", data: Nothing, means: "the account is disabled" },
  "user.enabled": {
    version: 1,
    facet: "access",
    data: Nothing,
    means: "the account is enabled again",
  },
  "user.deleted": {
    version: 1,
    facet: "end",
    data: Nothing,
    means: "the account is deleted; consumers delete all data that identifies its owner",
  },
} as const satisfies PublishedTypes;
