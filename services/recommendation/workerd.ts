import { worker } from "@edgepass/shared/runtime/workerd";
import { composeRecommendation } from "./compose.ts";

export default worker((bindings) => composeRecommendation(bindings));
