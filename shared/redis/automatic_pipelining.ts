import { currentContext } from "../context.ts";
import { measure } from "../telemetry/in_context.ts";
import type { Redis, RedisPipeline } from "./redis.ts";

interface PendingCommands {
  readonly build: (pipeline: RedisPipeline) => void;
  resolve(replies: readonly unknown[]): void;
  reject(error: unknown): void;
}

/** When callers share a round trip. */
export interface AutomaticPipeliningOptions {
  /** Longest wait for company in milliseconds, while another round trip is under way. */
  readonly maxWaitMs?: number;
  /** Callers in one round trip. */
  readonly maxCallers?: number;
}

/**
 * Lets concurrent callers share round trips: who comes while one is under way travels with the
 * next, which leaves when the first is back or after `maxWaitMs`, whichever is earlier.
 *
 * Only where requests may wait for each other, which Workers forbid. Each caller's replies are its
 * own; a failed round trip fails all its callers.
 */
export function automaticPipelining(
  redis: Redis,
  { maxWaitMs = 2, maxCallers = 128 }: AutomaticPipeliningOptions = {},
): Redis {
  let waiting: PendingCommands[] = [];
  let underWay = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function leave(): void {
    clearTimeout(timer);
    timer = undefined;
    const callers = waiting;
    waiting = [];
    if (callers.length === 0) return;
    underWay++;
    travel(redis, callers).finally(() => {
      underWay--;
      leave();
    });
  }

  return {
    pipeline: (build) =>
      new Promise((resolve, reject) => {
        waiting.push({ build, resolve, reject });
        if (underWay === 0 || waiting.length >= maxCallers) leave();
        else timer ??= setTimeout(leave, maxWaitMs);
      }),
  };
}

async function travel(redis: Redis, callers: readonly PendingCommands[]): Promise<void> {
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
