import type { EventTypes } from "@edgepass/contracts";
import type { Events } from "@edgepass/shared/events";
import type { RecommendationProjection } from "./projections.ts";

/** The events of the recommendation service; it says none. */
export type RecommendationEvents = Events<EventTypes, "recommendation">;

/** Lets the service hear of courses and how many learn them, and of people who are no more. */
export function registerHandlers(
  events: RecommendationEvents,
  projection: RecommendationProjection,
  forget: (personId: string) => Promise<void>,
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
    // What is kept of a person is elsewhere than the database; erased twice it is gone all the same.
    await forget(subject);
    return [];
  });
}
