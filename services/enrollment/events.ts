import type { EventTypes } from "@edgepass/contracts";
import type { Events, PublishedType } from "@edgepass/shared/events";
import type { EnrollmentRecord } from "./enrollment.ts";
import type { EnrollmentProjection } from "./projections.ts";

/** The events of the enrollment service. */
export type EnrollmentEvents = Events<EventTypes, "enrollment">;

/** What enrollment says. */
export type EnrollmentEvent = PublishedType<EventTypes, "enrollment">;

/** What of an enrollment's course is told: that somebody is in it, and that they came to its end. */
export type ProgressEvent = Exclude<EnrollmentEvent, "enrollment.deleted">;

/** What a change of progress means to others; a course is completed once, whatever is taken back. */
export function toDomainEvent(before: EnrollmentRecord, after: EnrollmentRecord): ProgressEvent[] {
  const first = before.firstCompletedAt === null && after.firstCompletedAt !== null;
  return first ? ["enrollment.completed"] : [];
}

/** Lets the service hear of the courses it shows, and of people who are no more. */
export function registerHandlers(events: EnrollmentEvents, projection: EnrollmentProjection): void {
  events.on("course.published", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.changed", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.deleted", ({ subject, data }) => projection.remove(subject, data.title));
  events.on("user.deleted", ({ subject }) => projection.forget(subject));
}
