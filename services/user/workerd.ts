import { worker } from "@edgepass/shared/runtime/workerd";
import { composeUser } from "./compose.ts";

export default worker((bindings) => composeUser(bindings));
