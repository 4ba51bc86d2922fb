import { serve } from "@edgepass/shared/runtime/deno";
import { composeAuth } from "./compose.ts";

await serve(composeAuth, { migrations: { AUTH_DB: new URL("./migrations/", import.meta.url) } });
