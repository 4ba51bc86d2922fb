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
  internalHeaders,
  isInternalHeader,
  type RequestContext,
  runInContext,
  toNetwork,
} from "./request_context.ts";
export { count, countOutcomes, nameFailure, type OutcomeCounter } from "./measure.ts";
