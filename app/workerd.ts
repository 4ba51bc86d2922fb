import { worker } from "@edgepass/shared/runtime/workerd";
import { compose } from "./compose.ts";
import { docsAssets } from "./docs_workerd.ts";

/** The gateway alone; service bindings name the services. */
export default worker((bindings) => compose(bindings, {}, { docs: docsAssets(bindings) }));
