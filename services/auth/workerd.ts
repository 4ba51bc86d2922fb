import { worker } from "@edgepass/shared/runtime/workerd";
import { composeAuth } from "./compose.ts";

export default worker(composeAuth);
