import { processorMs, serve } from "@edgepass/shared/runtime/deno";
import { composeAll } from "./all.ts";
import { docsFiles } from "./docs_deno.ts";
import { migrations } from "./migrations_deno.ts";

/** Every service and the gateway in one process. */
await serve((bindings) => composeAll(bindings, { gather: true, processorMs, docs: docsFiles }), {
  migrations,
});
