import { serve } from "@edgepass/shared/runtime/deno";
import service from "./service.ts";

await serve((bindings) => service.compose(bindings), {
  migrations: { RECOMMENDATION_DB: new URL("./migrations/", import.meta.url) },
});
