import { processorMs, serve } from "@edgepass/shared/runtime/deno";
import { composeAll } from "./all.ts";
import { docsFiles } from "./docs_deno.ts";
import { migrations } from "./migrations_deno.ts";

const effects = { gather: true, measuresLateness: true, processorMs, docs: docsFiles };

/** Every service and the gateway in one process. */
await serve((bindings) => composeAll(bindings, effects), {
  migrations,
});
