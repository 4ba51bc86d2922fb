import { line } from "@edgepass/shared/http";
import { z } from "@hono/zod-openapi";
import { maxItems } from "./schema.ts";

/** A course and why, as the recommender says it. */
export const Suggestion = z.object({
  courseId: z.string().min(1).max(64),
  // It is shown to people, and comes from somebody else.
  reason: line(200),
});
export type Suggestion = z.infer<typeof Suggestion>;

/** The best first. */
export const Suggestions = z.array(Suggestion).max(maxItems);

/** What the recommender answers. */
export const RecommenderAnswer = z.object({ items: Suggestions });
