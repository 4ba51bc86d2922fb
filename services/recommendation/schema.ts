import { line } from "@edgepass/shared/http";
import { z } from "@hono/zod-openapi";

/** Longest list. */
export const maxItems = 100;

export const Recommendation = z.object({
  course: z.object({
    id: z.uuid().openapi({ example: "01981c5e-7a10-7cc3-b1f4-3f1a9d5c2e80" }),
    title: z.string().openapi({ example: "Sailing for beginners" }),
  }),
  reason: z.string().openapi({ example: "Many learn it" }),
}).openapi("Recommendation");
export type Recommendation = z.infer<typeof Recommendation>;

export const RecommendationList = z.object({
  items: z.array(Recommendation),
  source: z.enum(["live", "cache", "default"]).openapi({
    description: "Made for this request, kept from an earlier one of the same person, or what " +
      "most people learn",
  }),
}).openapi("RecommendationList");
export type RecommendationList = z.infer<typeof RecommendationList>;

export const RecommendationQuery = z.object({
  // Number() alone also accepts "1e1", "0x10" and " 5", and reads "" as 0.
  limit: z.string().regex(/^\d{1,3}$/, `Must be a whole number from 1 to ${maxItems}`)
    .transform(Number).pipe(z.int().min(1).max(maxItems)).optional()
    .openapi({
      type: "integer",
      minimum: 1,
      maximum: maxItems,
      example: 10,
      description: "Longest list wanted; 10 unless the installation says otherwise",
    }),
});

/** A course and a reason, as the recommender returns it. */
export const Suggestion = z.object({
  courseId: z.string().min(1).max(64),
  // Shown to people although a third party wrote it.
  reason: line(200),
});
export type Suggestion = z.infer<typeof Suggestion>;

/** The best first. */
export const Suggestions = z.array(Suggestion).max(maxItems);

/** The recommender's response. */
export const RecommenderResponse = z.object({ items: Suggestions });
