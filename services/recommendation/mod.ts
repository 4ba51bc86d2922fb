import { createService, type ServiceApp, type Starter } from "@edgepass/shared/http";
import type { FallbackStore } from "@edgepass/shared/resilience";
import { hearNews, type RecommendationEvents } from "./events.ts";
import type { RecommendationNews } from "./news_store.ts";
import { recommendationRoutes } from "./routes.ts";
import { createRecommendations, keyOf, type RecommendationDeps } from "./service.ts";

export { type RecommendationNews, sqlRecommendationNews } from "./news_store.ts";
export { createPseudonym, type Pseudonym } from "./pseudonym.ts";
export { createRecommend, inWhole, type Recommend } from "./recommender.ts";
export type { RecommendationDeps } from "./service.ts";
export { type Catalogue, sqlCatalogue } from "./store.ts";

/** Makes the recommendation service: which courses may suit somebody. */
export function createRecommendationService(
  { starter, events, news, kept, ...deps }: RecommendationDeps & {
    readonly starter: Starter;
    /** From `createEvents`. */
    readonly events: RecommendationEvents;
    /** Where news of other services goes. */
    readonly news: RecommendationNews;
    /** Where last good answers are kept, if anywhere. */
    readonly kept?: Pick<FallbackStore, "forget"> | undefined;
  },
): ServiceApp {
  hearNews(events, news, async (personId) => await kept?.forget(keyOf(personId)));
  const app = createService({
    name: "recommendation",
    description: "Which courses may suit somebody",
    starter,
    events,
    readiness: { database: () => deps.catalogue.check() },
  });
  app.route("/recommendations", recommendationRoutes(createRecommendations(deps)));
  return app;
}
