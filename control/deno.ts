import { serve } from "@edgepass/shared/runtime/deno";
import { composeControl } from "./compose.ts";

await serve(composeControl, {
  migrations: { CONTROL_DB: new URL("./migrations/", import.meta.url) },
});
