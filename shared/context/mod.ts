export {
  background,
  type BoundedMap,
  type BoundedMapOptions,
  createBoundedMap,
  currentInvocation,
  type Invocation,
  type Middleware,
  oncePerRequest,
  runInvocation,
} from "../isolate.ts";
export {
  createLogger,
  currentContext,
  type RequestContext,
  runInContext,
} from "./request_context.ts";
export { internalHeaders, isInternalHeader } from "./internal_headers.ts";
export { toNetwork } from "./network.ts";
export { count, countOutcomes, nameFailure, type OutcomeCounter } from "./measure.ts";
