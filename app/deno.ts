import { processorMs, serve, spareProcessors } from "@edgepass/shared/runtime/deno";
import { composeAll } from "./all.ts";
import { docsFiles } from "./docs_deno.ts";
import { migrations } from "./generated/migrations_deno.ts";

/** Every service and the gateway in one process. */
const effects = {
  pipelineAutomatically: true,
  measuresLateness: true,
  processorMs,
  hashingProcessors: spareProcessors(),
  docs: docsFiles,
};

await serve((bindings) => composeAll(bindings, effects), { migrations });
