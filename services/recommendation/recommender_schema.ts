import { line } from "@edgepass/shared/http";
import { z } from "@hono/zod-openapi";
import { maxItems } from "./schema.ts";

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
