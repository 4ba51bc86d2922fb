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

/** What this instance knows of one upstream's health, and what it lets through. */
export interface UpstreamLimits {
  /**
   * A place among the calls that wait for its answer.
   *
   * @throws {Problem} `upstream_unavailable` with `Retry-After` when all are taken
   */
  enter(): Slot;
  /**
   * Leave to call it. `timed` says that the call's time is the upstream's alone.
   *
   * @throws {Problem} `upstream_unavailable` with `Retry-After` while its breaker is open
   */
  acquire(timed: boolean): Permit;
  /** Leave to call it once more, where its breaker still lets calls through. */
  tryAgain(): Permit | undefined;
  readonly retry: Retry;
}

/**
 * No call that its route still allows is slow, whatever the configuration says: one route to something
 * that is slow by nature, as a report or a long poll, would shut its upstream for all others.
 */
function toPatientPolicy(
  policy: Policy,
  longestTimeoutMs = Number.POSITIVE_INFINITY,
): BreakerPolicy {
  const { slowCallMs, ...rest } = toBreakerPolicy(policy, longestTimeoutMs);
  return { ...rest, slowCallMs: Math.max(slowCallMs, longestTimeoutMs) };
}

/** No call waits longer: a route's limit and the longest upload together, in milliseconds. */
const leaseMs = 60_000;

/** What a guard is made of; both are read at each call. */
export interface UpstreamGuardOptions {
  readonly policy: () => Policy;
  /** The longest `timeoutMs` of the upstream's routes; undefined where none leads to it any more. */
  readonly longestTimeoutMs: () => number | undefined;
}

/** Makes the guard of an upstream. */
export function createUpstreamLimits(
  name: string,
  { policy, longestTimeoutMs }: UpstreamGuardOptions,
  { now, random }: ResilienceEffects,
): UpstreamLimits {
  const instrumentation = createInstrumentation(name);
  const clock = now ? { now } : {};
  const breaker = createCircuitBreaker({
    policy: () => toPatientPolicy(policy(), longestTimeoutMs()),
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
