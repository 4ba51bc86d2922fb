import { processorMs, serve } from "@edgepass/shared/runtime/deno";
import { compose } from "./compose.ts";
import { docsFiles } from "./docs_deno.ts";

const effects = {
  pipelineAutomatically: true,
  measuresLateness: true,
  processorMs,
  docs: docsFiles,
};

/** The gateway alone; `AUTH`, `USER` and the others hold the services' URLs. */
await serve((bindings) => compose(bindings, {}, effects));
