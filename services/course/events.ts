import type { EventTypes } from "@edgepass/contracts";
import type { EventInput, Events, PublishedType } from "@edgepass/shared/events";
import type { CourseAggregate } from "./course.ts";
import type { CourseProjection } from "./projections.ts";

/** The events of the course service. */
export type CourseEvents = Events<EventTypes, "course">;

/** What others hear of a course, whose id it gets from the change it belongs to. */
export type CourseEvent = Omit<
  EventInput<EventTypes, PublishedType<EventTypes, "course">>,
  "subject"
>;

/**
 * What a change means to others; undefined where they know nothing of it.
 *
 * A draft is its owner's own affair: nobody heard of it, so nobody hears that it is gone.
 */
export function toDomainEvent(
  before: CourseAggregate,
  after: CourseAggregate | undefined,
): CourseEvent | undefined {
  const { state, title } = after ?? before;
  if (state !== "published") return undefined;
  const data = { title };
  // With its last title, or what is shown of it would depend on the order of deliveries.
  if (after === undefined) return { type: "course.deleted", data };
  if (before.state !== "published") return { type: "course.published", data };
  return before.title === title ? undefined : { type: "course.changed", data };
}

/** Lets the service hear of the people who teach, and of those who learn. */
export function registerHandlers(events: CourseEvents, projection: CourseProjection): void {
  events.on("user.profile-changed", ({ subject, data }) => projection.rename(subject, data.name));
  events.on(
    "user.roles-changed",
    ({ subject, data }) => projection.setTeaching(subject, data.roles.includes("instructor")),
  );
  events.on("user.disabled", ({ subject }) => projection.setDisabled(subject, true));
  events.on("user.enabled", ({ subject }) => projection.setDisabled(subject, false));
  events.on("user.deleted", ({ subject }) => projection.forget(subject));
  events.on(
    "enrollment.created",
    ({ subject, data }) => projection.count(subject, { courseId: data.courseId, completed: false }),
  );
  events.on(
    "enrollment.completed",
    ({ subject, data }) => projection.count(subject, { courseId: data.courseId, completed: true }),
  );
  events.on("enrollment.deleted", ({ subject }) => projection.discount(subject));
}
