export { type Bulkhead, type BulkheadOptions, createBulkhead, type Slot } from "./bulkhead.ts";
export {
  type BreakerOptions,
  type BreakerState,
  type CircuitBreaker,
  createCircuitBreaker,
  type Permit,
  type PermitOptions,
  type Refusal,
} from "./circuit_breaker.ts";
export type { Monotonic, ResilienceEffects, Upload } from "./effects.ts";
export {
  createFallback,
  type Fallback,
  type FallbackCall,
  type FallbackKey,
  type FallbackOptions,
  type FallbackResult,
  type FallbackSource,
  type FallbackStore,
} from "./fallback.ts";
export {
  type BreakerPolicy,
  type BreakerSettings,
  createPolicies,
  defaultPolicies,
  defaultPolicy,
  type Policies,
  type Policy,
  type PolicyPatch,
  policySchema,
  redisPolicy,
  type RetryPolicy,
  toBreakerPolicy,
  toPolicy,
} from "./policy.ts";
export {
  fallbackKey,
  type RedisBreakerOptions,
  redisFallbackStore,
  redisWithBreaker,
} from "./redis.ts";
export {
  type Attempt,
  type Call,
  createResilience,
  type Resilience,
  type ResilienceOptions,
} from "./resilience.ts";
export { withResilience, type WithResilienceOptions } from "./with_resilience.ts";
