import { background } from "../isolate.ts";
import { revocationKeys } from "../redis/keys.ts";
import { type Redis, RedisUnavailable } from "../redis/redis.ts";
import { createCircuitBreaker, type Permit } from "./circuit_breaker.ts";
import type { ResilienceEffects } from "./effects.ts";
import type { FallbackKey, FallbackStore } from "./fallback.ts";
import { createInstrumentation } from "./resilience.ts";
import { type Policy, toBreakerPolicy } from "./policy.ts";

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

/** Redis key of a stored result; the subject, which may hold any character, comes last. */
export function fallbackKey({ service, what, sub }: FallbackKey): string {
  return `fb:${service}:${what}:${sub}`;
}

/** Stores last good results in Redis, each with its TTL. */
export function redisFallbackStore(redis: Redis): FallbackStore {
  return {
    async get(key) {
      const [value] = await redis.pipeline((pipeline) => pipeline.get(fallbackKey(key)));
      return typeof value === "string" ? value : null;
    },
    async put(key, value, ttlSeconds) {
      await redis.pipeline((pipeline) => pipeline.set(fallbackKey(key), value, { ex: ttlSeconds }));
    },
    async forget(key) {
      await redis.pipeline((pipeline) => pipeline.del(fallbackKey(key)));
    },
  };
}
