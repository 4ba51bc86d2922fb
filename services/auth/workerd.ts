import { worker } from "@edgepass/shared/runtime/workerd";
import service from "./service.ts";

export default worker((bindings) => service.compose(bindings));
