import type { EventTypes } from "@edgepass/contracts";
import type { Events, PublishedType } from "@edgepass/shared/events";
import type { EnrollmentRecord } from "./enrollment.ts";
import type { EnrollmentProjection } from "./projections.ts";

/** The events of the enrollment service. */
export type EnrollmentEvents = Events<EventTypes, "enrollment">;

/** The types that enrollment publishes. */
export type EnrollmentEvent = PublishedType<EventTypes, "enrollment">;

/** The progress of an enrollment: it exists, or the course is completed. */
export type ProgressEvent = Exclude<EnrollmentEvent, "enrollment.deleted">;

/**
 * The event of a change of progress; a course is completed once, even if a lesson is reopened
 * later.
 */
export function toDomainEvent(before: EnrollmentRecord, after: EnrollmentRecord): ProgressEvent[] {
  const first = before.firstCompletedAt === null && after.firstCompletedAt !== null;
  return first ? ["enrollment.completed"] : [];
}

/** Subscribes the service to events of the courses it shows, and of deleted people. */
export function registerHandlers(events: EnrollmentEvents, projection: EnrollmentProjection): void {
  events.on("course.published", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.changed", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.deleted", ({ subject, data }) => projection.remove(subject, data.title));
  events.on("user.deleted", ({ subject }) => projection.deletePerson(subject));
}
