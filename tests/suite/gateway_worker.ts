import { worker } from "@edgepass/shared/runtime/workerd";
import { composeGateway } from "./gateway_compose.ts";

export default worker((bindings) =>
  composeGateway(bindings, { sink: (line) => console.log(line) })
);
