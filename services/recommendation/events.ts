import type { EventTypes } from "@edgepass/contracts";
import type { Events } from "@edgepass/shared/events";
import type { RecommendationProjection } from "./projections.ts";

/** The events of the recommendation service; it publishes none. */
export type RecommendationEvents = Events<EventTypes, "recommendation">;

/** Subscribes the service to events of courses, of enrollments, and of deleted people. */
export function registerHandlers(
  events: RecommendationEvents,
  projection: RecommendationProjection,
  eraseStored: (personId: string) => Promise<void>,
): void {
  events.on("course.published", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.changed", ({ subject, data }) => projection.name(subject, data.title));
  events.on("course.deleted", ({ subject }) => projection.remove(subject));
  events.on(
    "enrollment.created",
    ({ subject, data }) => projection.countLearner(subject, data.courseId),
  );
  events.on(
    "enrollment.completed",
    ({ subject, data }) => projection.countLearner(subject, data.courseId),
  );
  events.on("enrollment.deleted", ({ subject }) => projection.uncountLearner(subject));
  events.on("user.deleted", async ({ subject }) => {
    // A person's stored suggestions are outside of the database; a second erasure is harmless.
    await eraseStored(subject);
    return [];
  });
}
