import { sentOnce, type Upstream } from "../composition/upstream.ts";
import { currentContext } from "../context/request_context.ts";
import { background } from "../isolate.ts";
import { type Redis, RedisUnavailable, revocationKeys } from "../redis/redis.ts";
import { createCircuitBreaker, type Permit } from "./circuit_breaker.ts";
import { type Policy, type ResilienceEffects, toBreakerPolicy } from "./policy.ts";
import { createInstrumentation, createResilience } from "./resilience.ts";

/** How an upstream is called. */
export interface WithResilienceOptions extends ResilienceEffects {
  /** Read at each call. */
  readonly policy: () => Policy;
}

/**
 * The same upstream behind a breaker, a bulkhead, a time limit and retries.
 *
 * A call ends with the current request, and within its deadline. Only GET, HEAD, OPTIONS, PUT and
 * DELETE are ever repeated. For an upstream with its own headers; calls between services use the
 * client, which writes Passport and deadline anew for each attempt.
 *
 * Its `fetch` throws `upstream_timeout` or `upstream_unavailable`, the latter with `Retry-After`
 * when the call was refused unsent. Any other response, 5xx too, is returned.
 */
export function withResilience(upstream: Upstream, options: WithResilienceOptions): Upstream {
  const { name } = upstream;
  const { epochNow = Date.now } = options;
  const resilience = createResilience({ ...options, name });
  return {
    name,
    fetch(target, init = {}) {
      const { signal, deadline } = currentContext() ?? {};
      const signals = [signal, init.signal].filter((one) => one instanceof AbortSignal);
      const call = {
        ...init,
        signal: AbortSignal.any(signals),
        remainingMs: () => deadline === undefined ? undefined : deadline - epochNow(),
      };
      const sent = sentOnce(init);
      return resilience.run(
        call,
        (attempt) => upstream.fetch(target, { ...sent, signal: attempt.signal }),
      );
    },
  };
}

type Build = Parameters<Redis["pipeline"]>[0];

/** How Redis is called. */
export interface RedisBreakerOptions extends Pick<ResilienceEffects, "now"> {
  /** Read at each round trip; only its breaker is used, since a client has its own time limit. */
  readonly policy: () => Policy;
  /** The client's time limit in milliseconds: no round trip is slow before it is over. */
  readonly timeoutMs?: number;
  /** Its name in metrics; `redis` by default. */
  readonly name?: string;
}

/**
 * The same Redis behind a breaker: while it is down, callers fail at once. No caller waits for a
 * probe either: the probe reads one key after a response, and only its success admits callers
 * again.
 *
 * Wrap the client itself, and pipeline around this, so that a failed round trip counts once however
 * many callers shared it.
 */
export function redisWithBreaker(
  redis: Redis,
  { policy, timeoutMs = 0, name = "redis", now }: RedisBreakerOptions,
): Redis {
  // A client may exceed its limit on a busy machine.
  const breakerPolicy = () => {
    const current = policy();
    return toBreakerPolicy(current, Math.max(timeoutMs, current.timeoutMs));
  };
  const instrumentation = createInstrumentation(name);
  const breaker = createCircuitBreaker({
    policy: breakerPolicy,
    onTransition: instrumentation.transition,
    ...(now ? { now } : {}),
  });
  async function travel(permit: Permit, build: Build): Promise<readonly unknown[]> {
    try {
      const replies = await redis.pipeline(build);
      permit.succeed();
      return replies;
    } catch (error) {
      // Any other error is a command that could not be built and was never sent.
      if (error instanceof RedisUnavailable && !error.hasLagged) permit.fail();
      else permit.cancel();
      throw error;
    }
  }

  return {
    async pipeline(build) {
      const permit = breaker.acquire();
      if (permit.allowed && breaker.state() === "closed") return await travel(permit, build);
      if (permit.allowed) {
        // Its outcome concerns the breaker only.
        background(travel(permit, (pipeline) => pipeline.mget(revocationKeys.ready)), () => {});
      }
      instrumentation.refused("breaker");
      throw new RedisUnavailable("Redis is left alone for now: its breaker is open");
    },
  };
}
