import type { EventTypes } from "@edgepass/contracts";
import type { Events, PublishedType } from "@edgepass/shared/events";
import type { EnrollmentRecord } from "./enrollment.ts";
import type { EnrollmentNews } from "./news_store.ts";

/** The events of the enrollment service. */
export type EnrollmentEvents = Events<EventTypes, "enrollment">;

/** What enrollment says. */
export type EnrollmentEvent = PublishedType<EventTypes, "enrollment">;

/** What of an enrollment's course is told: that somebody is in it, and that they came to its end. */
export type ProgressEvent = Exclude<EnrollmentEvent, "enrollment.deleted">;

/** What a change of progress means to others; a course is completed once, whatever is taken back. */
export function toNews(before: EnrollmentRecord, after: EnrollmentRecord): ProgressEvent[] {
  const first = before.firstCompletedAt === null && after.firstCompletedAt !== null;
  return first ? ["enrollment.completed"] : [];
}

/** Lets the service hear of the courses it shows, and of people who are no more. */
export function hearNews(events: EnrollmentEvents, news: EnrollmentNews): void {
  events.on("course.published", ({ subject, data }) => news.name(subject, data.title));
  events.on("course.changed", ({ subject, data }) => news.name(subject, data.title));
  events.on("course.deleted", ({ subject, data }) => news.remove(subject, data.title));
  events.on("user.deleted", ({ subject }) => news.forget(subject));
}
