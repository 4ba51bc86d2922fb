import { serve } from "@edgepass/shared/runtime/deno";
import { composeRecommendation } from "./compose.ts";

await serve((bindings) => composeRecommendation(bindings), {
  migrations: { RECOMMENDATION_DB: new URL("./migrations/", import.meta.url) },
});
