import type { Redis } from "../redis/redis.ts";
import type { FallbackKey, FallbackStore } from "./fallback.ts";

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
