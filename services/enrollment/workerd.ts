import { worker } from "@edgepass/shared/runtime/workerd";
import { composeEnrollment } from "./compose.ts";

export default worker((bindings) => composeEnrollment(bindings));
