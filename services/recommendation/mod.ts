import { createService, type ServiceApp, type ServiceRuntime } from "@edgepass/shared/http";
import type { FallbackStore } from "@edgepass/shared/resilience";
import { type RecommendationEvents, registerHandlers } from "./events.ts";
import type { RecommendationProjection } from "./projections.ts";
import { recommendationRoutes } from "./routes.ts";
import { createRecommendations, keyOf, type RecommendationOptions } from "./service.ts";

export { type RecommendationProjection, sqlRecommendationProjection } from "./projections.ts";
export { createPseudonym, type Pseudonym } from "./pseudonym.ts";
export { buffered, createRecommend, type Recommend } from "./recommender.ts";
export type { RecommendationOptions } from "./service.ts";
export { type Catalogue, sqlCatalogue } from "./store.ts";

/** Creates the recommendation service: courses that may suit a person. */
export function createRecommendationService(
  { runtime, events, projection, kept, ...deps }: RecommendationOptions & {
    readonly runtime: ServiceRuntime;
    /** From `createEvents`. */
    readonly events: RecommendationEvents;
    /** Applies events of other services. */
    readonly projection: RecommendationProjection;
    /** Where last good results are stored, if anywhere. */
    readonly kept?: Pick<FallbackStore, "forget"> | undefined;
  },
): ServiceApp {
  registerHandlers(events, projection, async (personId) => await kept?.forget(keyOf(personId)));
  const app = createService({
    name: "recommendation",
    description: "Which courses may suit somebody",
    runtime,
    events,
    readiness: { database: () => deps.catalogue.check() },
  });
  app.route("/recommendations", recommendationRoutes(createRecommendations(deps)));
  return app;
}
