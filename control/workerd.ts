import { worker } from "@edgepass/shared/runtime/workerd";
import { composeControl } from "./compose.ts";

export default worker(composeControl);
