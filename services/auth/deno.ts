import { serve, spareProcessors } from "@edgepass/shared/runtime/deno";
import { composeAuth } from "./compose.ts";

await serve((bindings) => composeAuth(bindings, { hashingProcessors: spareProcessors() }), {
  migrations: { AUTH_DB: new URL("./migrations/", import.meta.url) },
});
