import { serve } from "@edgepass/shared/runtime/deno";
import { composeUser } from "./compose.ts";

await serve((bindings) => composeUser(bindings), {
  migrations: { USER_DB: new URL("./migrations/", import.meta.url) },
});
