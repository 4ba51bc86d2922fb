import { serve } from "@edgepass/shared/runtime/deno";
import { composeAll } from "./all.ts";
import { docsFiles } from "./docs_deno.ts";

/** Every service and the gateway in one process. */
await serve((bindings) => composeAll(bindings, { gather: true, docs: docsFiles }), {
  migrations: {
    AUTH_DB: new URL("../services/auth/migrations/", import.meta.url),
    USER_DB: new URL("../services/user/migrations/", import.meta.url),
    COURSE_DB: new URL("../services/course/migrations/", import.meta.url),
    ENROLLMENT_DB: new URL("../services/enrollment/migrations/", import.meta.url),
  },
});
