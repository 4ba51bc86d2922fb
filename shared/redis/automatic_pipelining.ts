import { currentContext } from "../context/request_context.ts";
import { measure } from "../context/measure.ts";
import type { Redis, RedisPipeline } from "./redis.ts";

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
