import { z } from "@hono/zod-openapi";

// An event carries ids and what its consumers store, nothing else: it waits in a third party's
// queue, and no consumer must have to call back for its content.

const Nothing = z.object({});
const Named = z.object({ name: z.string().min(1).max(100) });
const Roles = z.object({ roles: z.array(z.enum(["learner", "instructor", "admin"])) });
const Titled = z.object({ title: z.string().min(1).max(200) });
const Enrolled = z.object({ courseId: z.string().min(1) });

/**
 * Every event type: its publisher (`source`), the facet of its subject that it describes (`facet`:
 * only the newest of one facet is in effect, `end` deletes the subject), its consumers, and its
 * data.
 */
export const eventTypes = {
  "user.registered": {
    source: "/auth",
    version: 1,
    facet: "registration",
    consumers: ["user"],
    data: Named,
  },
  "user.roles-changed": {
    source: "/auth",
    version: 1,
    facet: "roles",
    consumers: ["course"],
    data: Roles,
  },
  "user.disabled": {
    source: "/auth",
    version: 1,
    facet: "access",
    consumers: ["user", "course"],
    data: Nothing,
  },
  "user.enabled": {
    source: "/auth",
    version: 1,
    facet: "access",
    consumers: ["user", "course"],
    data: Nothing,
  },
  "user.deleted": {
    source: "/auth",
    version: 1,
    facet: "end",
    consumers: ["user", "course", "enrollment", "recommendation"],
    data: Nothing,
  },
  "user.profile-changed": {
    source: "/user",
    version: 1,
    facet: "profile",
    consumers: ["course"],
    data: Named,
  },
  "course.published": {
    source: "/course",
    version: 1,
    facet: "course",
    consumers: ["enrollment", "recommendation"],
    data: Titled,
  },
  "course.changed": {
    source: "/course",
    version: 1,
    facet: "course",
    consumers: ["enrollment", "recommendation"],
    data: Titled,
  },
  "course.deleted": {
    source: "/course",
    version: 1,
    facet: "end",
    consumers: ["enrollment", "recommendation"],
    data: Titled.partial(),
  },
  "enrollment.created": {
    source: "/enrollment",
    version: 1,
    facet: "progress",
    consumers: ["course", "recommendation"],
    data: Enrolled,
  },
  "enrollment.completed": {
    source: "/enrollment",
    version: 1,
    facet: "progress",
    consumers: ["course", "recommendation"],
    data: Enrolled,
  },
  "enrollment.deleted": {
    source: "/enrollment",
    version: 1,
    facet: "end",
    consumers: ["course", "recommendation"],
    data: Nothing,
  },
} as const satisfies Readonly<
  Record<string, {
    readonly source: string;
    readonly version: number;
    readonly facet: string;
    readonly consumers: readonly string[];
    readonly data: z.ZodType;
  }>
>;

/** Every event type, for the events of a service. */
export type EventTypes = typeof eventTypes;
