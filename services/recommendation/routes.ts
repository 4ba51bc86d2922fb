import { createApi, createRoute, fallbackResponse, markFallback } from "@edgepass/shared/http";
import { RecommendationList, RecommendationQuery } from "./schema.ts";
import type { Recommendations } from "./rules.ts";

const listRecommendations = createRoute({
  method: "get",
  path: "/",
  operationId: "listRecommendations",
  summary: "Courses that may suit the person who asks, the best first",
  tags: ["Recommendations"],
  access: "authenticated",
  request: { query: RecommendationQuery },
  responses: {
    200: fallbackResponse("Courses, and where the choice comes from", RecommendationList),
  },
  problems: ["store_unavailable"],
});

/** The routes of suggestions. */
export function recommendationRoutes(recommendations: Recommendations) {
  return createApi().openapi(listRecommendations, async (c) => {
    const result = await recommendations.suggest(c.var.user, c.req.valid("query").limit);
    markFallback(c, result);
    return c.json({ items: [...result.value], source: result.source }, 200);
  });
}
