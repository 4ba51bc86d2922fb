import { worker } from "@edgepass/shared/runtime/workerd";
import { composeAll } from "./all.ts";
import { docsAssets } from "./docs_workerd.ts";

/** Every service and the gateway in one Worker. */
export default worker((bindings) => composeAll(bindings, { docs: docsAssets(bindings) }));
