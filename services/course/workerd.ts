import { worker } from "@edgepass/shared/runtime/workerd";
import { composeCourse } from "./compose.ts";

export default worker((bindings) => composeCourse(bindings));
