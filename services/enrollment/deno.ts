import { serve } from "@edgepass/shared/runtime/deno";
import { composeEnrollment } from "./compose.ts";

await serve((bindings) => composeEnrollment(bindings), {
  migrations: { ENROLLMENT_DB: new URL("./migrations/", import.meta.url) },
});
