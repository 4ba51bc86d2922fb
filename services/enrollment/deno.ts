import { serve, spareProcessors } from "@edgepass/shared/runtime/deno";
import service from "./service.ts";

await serve((bindings) => service.compose(bindings, { processors: spareProcessors() }), {
  migrations: { ENROLLMENT_DB: new URL("./migrations/", import.meta.url) },
});
