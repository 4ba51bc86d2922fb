import { createRoute } from "@hono/zod-openapi";
import {
  createApi,
  fallbackResponse,
  markFallback,
  type PassportEnv,
  problems,
  requireUser,
  type UserPassport,
} from "@edgepass/shared/http";
import { createMiddleware } from "hono/factory";
import { RecommendationList, RecommendationQuery } from "./schema.ts";
import type { Recommendations } from "./service.ts";

type PersonEnv = PassportEnv & { Variables: { person: UserPassport } };

/**
 * Suggestions are personal: anonymous callers are refused before anything of the request is read.
 */
const signedIn = createMiddleware<PersonEnv>(async function signedIn(c, next) {
  c.set("person", requireUser(c.var.passport));
  await next();
});

const listRecommendations = createRoute({
  method: "get",
  path: "/",
  operationId: "listRecommendations",
  summary: "Courses that may suit the person who asks, the best first",
  tags: ["Recommendations"],
  middleware: signedIn,
  request: { query: RecommendationQuery },
  responses: {
    200: fallbackResponse("Courses, and where the choice comes from", RecommendationList),
    ...problems("authentication_required", "forbidden", "validation_failed", "store_unavailable"),
  },
});

/** The routes of suggestions. */
export function recommendationRoutes(recommendations: Recommendations) {
  return createApi().openapi(listRecommendations, async (c) => {
    const result = await recommendations.suggest(c.var.person, c.req.valid("query").limit);
    markFallback(c, result);
    return c.json({ items: [...result.value], source: result.source }, 200);
  });
}
