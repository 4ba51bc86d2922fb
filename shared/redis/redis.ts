import type { Redis as UpstashClient } from "@upstash/redis";
import { measure } from "../context/measure.ts";
import { currentContext } from "../context/request_context.ts";

/** Commands of one round trip, in order, as the official client builds them. */
export type RedisPipeline = ReturnType<UpstashClient["pipeline"]>;

/** The platform's Redis: several commands, one round trip, all replies or an error. */
export interface Redis {
  /**
   * Runs the commands that `build` adds, and returns one uninterpreted reply each: texts stay
   * texts. Not a transaction. `build` may run once only.
   *
   * @throws {RedisUnavailable} when any of them failed, or no complete reply arrived in time
   */
  pipeline(build: (pipeline: RedisPipeline) => void): Promise<readonly unknown[]>;
}

/** Redis returned no usable reply in time. The commands may have run or not. */
export class RedisUnavailable extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "RedisUnavailable";
  /**
   * Whether this process lagged so much that the call's end says nothing about Redis. Counted as a
   * failure it would open the breaker: one pause of a busy machine, and a second of refusals.
   */
  readonly hasLagged: boolean;

  /** `message` names no address and no key. */
  constructor(message: string, { hasLagged = false }: { readonly hasLagged?: boolean } = {}) {
    super(message);
    this.hasLagged = hasLagged;
  }
}

interface PendingCommands {
  readonly build: (pipeline: RedisPipeline) => void;
  resolve(replies: readonly unknown[]): void;
  reject(error: unknown): void;
}

/** When callers share a round trip. */
export interface AutomaticPipeliningOptions {
  /** Longest wait for further callers in milliseconds, while another round trip is pending. */
  readonly maxWaitMs?: number;
  /** Callers in one round trip. */
  readonly maxCallers?: number;
}

/**
 * Lets concurrent callers share round trips: callers during a pending round trip share the next
 * one, which is sent when the first returns or after `maxWaitMs`, whichever is earlier.
 *
 * Only where requests may wait for each other, which Workers forbid. Each caller gets its own
 * replies; a failed round trip fails all its callers.
 */
export function automaticPipelining(
  redis: Redis,
  { maxWaitMs = 2, maxCallers = 128 }: AutomaticPipeliningOptions = {},
): Redis {
  let waiting: PendingCommands[] = [];
  let pending = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const callers = waiting;
    waiting = [];
    if (callers.length === 0) return;
    pending++;
    sendAll(redis, callers).finally(() => {
      pending--;
      flush();
    });
  }

  return {
    pipeline: (build) =>
      new Promise((resolve, reject) => {
        waiting.push({ build, resolve, reject });
        if (pending === 0 || waiting.length >= maxCallers) flush();
        else timer ??= setTimeout(flush, maxWaitMs);
      }),
  };
}

async function sendAll(redis: Redis, callers: readonly PendingCommands[]): Promise<void> {
  const ends: number[] = [];
  const service = currentContext()?.service;
  measure("edgepass.redis.callers", { "edgepass.service": service }, callers.length);
  try {
    const replies = await redis.pipeline((pipeline) => {
      for (const { build } of callers) {
        build(pipeline);
        ends.push(pipeline.length());
      }
    });
    callers.forEach(({ resolve }, at) => resolve(replies.slice(ends[at - 1] ?? 0, ends[at])));
  } catch (error) {
    for (const { reject } of callers) reject(error);
  }
}
