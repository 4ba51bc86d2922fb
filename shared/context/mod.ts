export {
  background,
  currentInvocation,
  type Invocation,
  runInvocation,
} from "../isolate/invocation.ts";
export {
  type BoundedMap,
  type BoundedMapOptions,
  createBoundedMap,
} from "../isolate/bounded_map.ts";
export { type Middleware, oncePerRequest } from "../isolate/once_per_request.ts";
export { createLogger } from "./logger.ts";
export { currentContext, type RequestContext, runInContext } from "./request_context.ts";
export { internalHeaders, isInternalHeader } from "./internal_headers.ts";
export { toNetwork } from "./network.ts";
export {
  annotate,
  count,
  countOutcomes,
  measure,
  measureDatabase,
  nameFailure,
  type OutcomeCounter,
} from "./measure.ts";
export { startCall, type StartedCall } from "./start_call.ts";
