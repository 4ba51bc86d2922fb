import { background } from "../isolate.ts";
import { currentContext } from "../context/request_context.ts";
import { Problem } from "../problem.ts";
import { count } from "../context/measure.ts";
import type { Redis } from "../redis/redis.ts";

/**
 * The key of a stored result. It includes the subject: without it one person could receive
 * another's data.
 */
export interface FallbackKey {
  /** The service that stores it. */
  readonly service: string;
  /** The name of the result. */
  readonly what: string;
  /** Subject of the person that the result belongs to. */
  readonly sub: string;
}

/** The store of last good results; never the memory of an isolate. */
export interface FallbackStore {
  /** The value stored under a key, or null. */
  get(key: FallbackKey): Promise<string | null>;
  /** Stores a value for `ttlSeconds`. */
  put(key: FallbackKey, value: string, ttlSeconds: number): Promise<void>;
  /** Deletes a value. */
  forget(key: FallbackKey): Promise<void>;
}

/** The source of a result. */
export type FallbackSource = "live" | "cache" | "default";

/** A result and its source. */
export interface FallbackResult<Value> {
  /** The result. */
  readonly value: Value;
  /** The source. */
  readonly source: FallbackSource;
  /** Age of a stored result. */
  readonly ageSeconds?: number;
}

/** The live call and its fallbacks. */
export interface FallbackCall<Value> {
  /** The key of the stored result. */
  readonly key: FallbackKey;
  /** The live call; throws when its result is unusable. */
  readonly live: () => Promise<Value>;
  /**
   * A stored value with its type, or undefined when it does not fit, for example after a release.
   */
  readonly fits: (stored: unknown) => Value | undefined;
  /** The declared default. */
  readonly otherwise: () => Value | Promise<Value>;
}

/** Results that outlive an outage of their source. */
export interface Fallback {
  /**
   * Returns the live result, else the person's last good result, else the default. For safe methods
   * only.
   *
   * @throws {Problem} of `live` with a status below 500, because that is a valid response; what
   *   `otherwise` throws
   */
  run<Value>(call: FallbackCall<Value>): Promise<FallbackResult<Value>>;
}

/** Dependencies of a fallback. */
export interface FallbackOptions {
  /** Without one there is only the default. */
  readonly store?: FallbackStore;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** Older results are not served; read at each call. */
  readonly maxStaleMs: () => number;
  /** Called with the cause of a missing live result, and the source that replaces it. */
  readonly onFailure?: (cause: unknown, source: Exclude<FallbackSource, "live">) => void;
  /** Called when the store failed; the caller does not see this failure. */
  readonly onStoreFailure?: (cause: unknown) => void;
}

/** A longer text is not stored, in characters. */
const maxStoredLength = 65_536;

/** Creates a fallback. */
export function createFallback(
  { store, now = Date.now, maxStaleMs, onFailure = () => {}, onStoreFailure = () => {} }:
    FallbackOptions,
): Fallback {
  function save(key: FallbackKey, value: unknown): void {
    const ttlSeconds = Math.ceil(maxStaleMs() / 1000);
    if (!store || ttlSeconds <= 0) return;
    const text = JSON.stringify({ at: now(), value });
    if (text.length <= maxStoredLength) {
      background(store.put(key, text, ttlSeconds), onStoreFailure);
    }
  }

  async function recall<Value>(
    { key, fits }: FallbackCall<Value>,
  ): Promise<FallbackResult<Value> | undefined> {
    try {
      const { at, value } = readStored(await store?.get(key) ?? "null");
      // Another instance's clock may be ahead of this one's.
      const ageMs = Math.max(0, now() - at);
      const fitting = ageMs <= maxStaleMs() ? fits(value) : undefined;
      if (fitting === undefined) return undefined;
      return { value: fitting, source: "cache", ageSeconds: Math.floor(ageMs / 1000) };
    } catch (cause) {
      onStoreFailure(cause);
      return undefined;
    }
  }

  return {
    async run(call) {
      try {
        const value = await call.live();
        save(call.key, value);
        return { value, source: "live" };
      } catch (cause) {
        if (cause instanceof Problem && cause.status < 500) throw cause;
        const result = await recall(call) ??
          { value: await call.otherwise(), source: "default" as const };
        const { source } = result;
        onFailure(cause, source === "cache" ? source : "default");
        count("edgepass.fallbacks", {
          "edgepass.service": currentContext()?.service,
          "edgepass.fallback.source": source,
        });
        return result;
      }
    },
  };
}

/** A malformed value counts as infinitely old, so that it is never served. */
function readStored(text: string): { readonly at: number; readonly value: unknown } {
  const stored: unknown = JSON.parse(text);
  if (typeof stored !== "object" || stored === null || !("at" in stored) || !("value" in stored)) {
    return { at: Number.NEGATIVE_INFINITY, value: undefined };
  }
  return {
    at: typeof stored.at === "number" ? stored.at : Number.NEGATIVE_INFINITY,
    value: stored.value,
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
