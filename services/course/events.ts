import type { EventTypes } from "@edgepass/contracts";
import type { EventInput, Events, PublishedType } from "@edgepass/shared/events";
import type { CourseAggregate } from "./course.ts";
import type { CourseProjection } from "./projections.ts";

/** The events of the course service. */
export type CourseEvents = Events<EventTypes, "course">;

/** An event about a course; the change it belongs to supplies the course's id. */
export type CourseEvent = Omit<
  EventInput<EventTypes, PublishedType<EventTypes, "course">>,
  "subject"
>;

/**
 * The event of a change; undefined when other services do not project the course.
 *
 * A draft is private to its owner: it was never published to other services, so its removal is not
 * published either.
 */
export function toDomainEvent(
  before: CourseAggregate,
  after: CourseAggregate | undefined,
): CourseEvent | undefined {
  const { state, title } = after ?? before;
  if (state !== "published") return undefined;
  const data = { title };
  // With the last title: otherwise the projected title would depend on the order of deliveries.
  if (after === undefined) return { type: "course.deleted", data };
  if (before.state !== "published") return { type: "course.published", data };
  return before.title === title ? undefined : { type: "course.changed", data };
}

/** Subscribes the service to events of instructors and learners. */
export function registerHandlers(events: CourseEvents, projection: CourseProjection): void {
  events.on("user.profile-changed", ({ subject, data }) => projection.rename(subject, data.name));
  events.on(
    "user.roles-changed",
    ({ subject, data }) => projection.setTeaching(subject, data.roles.includes("instructor")),
  );
  events.on("user.disabled", ({ subject }) => projection.setDisabled(subject, true));
  events.on("user.enabled", ({ subject }) => projection.setDisabled(subject, false));
  events.on("user.deleted", ({ subject }) => projection.deletePerson(subject));
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
