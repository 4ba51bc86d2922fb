import { Problem } from "@edgepass/shared/problem";
import {
  type BreakerPolicy,
  createBulkhead,
  createCircuitBreaker,
  createInstrumentation,
  createRetry,
  type Permit,
  type Policy,
  type ResilienceEffects,
  type Retry,
  type Slot,
  toBreakerPolicy,
  toRetryAfter,
} from "@edgepass/shared/resilience";

/** The breaker, bulkhead and retry budget of one upstream in this instance. */
export interface UpstreamLimits {
  /**
   * A bulkhead slot for one call.
   *
   * @throws {Problem} `upstream_unavailable` with `Retry-After` when all slots are taken
   */
  enter(): Slot;
  /**
   * The breaker's permit for a call. `timed`: the call's duration is the upstream's alone.
   *
   * @throws {Problem} `upstream_unavailable` with `Retry-After` while its breaker is open
   */
  acquire(timed: boolean): Permit;
  /** A permit for a retry, where the breaker still allows calls. */
  tryAgain(): Permit | undefined;
  readonly retry: Retry;
}

/**
 * A call within its route's time limit is never slow, whatever the configuration says: otherwise
 * one route that is slow by nature, such as a report or a long poll, would open the breaker for all
 * others.
 */
function raiseSlowCallMs(
  policy: Policy,
  longestTimeoutMs = Number.POSITIVE_INFINITY,
): BreakerPolicy {
  const { slowCallMs, ...rest } = toBreakerPolicy(policy, longestTimeoutMs);
  return { ...rest, slowCallMs: Math.max(slowCallMs, longestTimeoutMs) };
}

/** No call takes longer: a route's limit and the longest upload together, in milliseconds. */
const leaseMs = 60_000;

/** Options of the limits; both functions are read at each call. */
export interface UpstreamLimitsOptions {
  readonly policy: () => Policy;
  /** The longest `timeoutMs` of the upstream's routes; undefined once it has no routes. */
  readonly longestTimeoutMs: () => number | undefined;
}

/** Makes the limits of an upstream. */
export function createUpstreamLimits(
  name: string,
  { policy, longestTimeoutMs }: UpstreamLimitsOptions,
  { now, random }: ResilienceEffects,
): UpstreamLimits {
  const instrumentation = createInstrumentation(name);
  const clock = now ? { now } : {};
  const breaker = createCircuitBreaker({
    policy: () => raiseSlowCallMs(policy(), longestTimeoutMs()),
    onTransition: instrumentation.transition,
    ...clock,
  });
  const maxConcurrent = () => policy().maxConcurrent;
  const bulkhead = createBulkhead({ maxConcurrent, leaseMs, ...clock });

  function refuse(reason: "breaker" | "bulkhead", retryAfterMs: number): never {
    instrumentation.refused(reason);
    throw new Problem("upstream_unavailable", {
      headers: { "retry-after": toRetryAfter(retryAfterMs) },
      cause: new Error(`Call of ${name} is refused by its ${reason}`),
    });
  }

  return {
    enter: () => bulkhead.enter() ?? refuse("bulkhead", 0),
    acquire(timed) {
      const permit = breaker.acquire({ timed });
      return permit.allowed ? permit : refuse("breaker", permit.retryAfterMs);
    },
    tryAgain() {
      const permit = breaker.acquire();
      if (!permit.allowed) return undefined;
      instrumentation.retried();
      return permit;
    },
    retry: createRetry({ policy: () => policy().retry, ...(random ? { random } : {}) }),
  };
}
