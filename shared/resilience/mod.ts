export {
  type Bulkhead,
  type BulkheadOptions,
  createBulkhead,
  type Slot,
  type Upload,
} from "./limits.ts";
export {
  type BreakerOptions,
  type BreakerState,
  type CircuitBreaker,
  createCircuitBreaker,
  type Permit,
  type PermitOptions,
  type Refusal,
} from "./circuit_breaker.ts";
export type { Monotonic } from "./call_window.ts";
export {
  createFallback,
  type Fallback,
  type FallbackCall,
  type FallbackKey,
  fallbackKey,
  type FallbackOptions,
  type FallbackResult,
  type FallbackSource,
  type FallbackStore,
  redisFallbackStore,
} from "./fallback.ts";
export {
  type BreakerPolicy,
  type BreakerSettings,
  createPolicies,
  defaultPolicies,
  defaultPolicy,
  livePolicies,
  type Policies,
  type Policy,
  type PolicyPatch,
  policySchema,
  redisPolicy,
  type ResilienceEffects,
  type RetryPolicy,
  toBreakerPolicy,
  toPolicy,
} from "./policy.ts";
export {
  type RedisBreakerOptions,
  redisWithBreaker,
  withResilience,
  type WithResilienceOptions,
} from "./decorators.ts";
export {
  type Attempt,
  type Call,
  createResilience,
  type Resilience,
  type ResilienceOptions,
} from "./resilience.ts";
