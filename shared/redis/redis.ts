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

/** What a revocation invalidates: one token, one login, a person's older tokens, a key's tokens. */
export type RevocationLevel = keyof typeof levels;

const levels = { token: "rv:j:", login: "rv:s:", subject: "rv:u:", key: "rv:k:" } as const;

/**
 * Redis keys of the revocation list, built from claims, never from a token's text.
 *
 * Ids of other issuers have the issuer's alias as a prefix.
 */
export const revocationKeys = {
  /** Identity and position of the log of which the list is a complete copy; lost with the list. */
  ready: "rv:ready",
  /** Progress of one rebuild of the list; expires a minute after its last step. */
  rebuild: (id: string): string => `rv:rebuild:${id}`,
  of(level: RevocationLevel, id: string, alias?: string): string {
    return `${levels[level]}${alias === undefined ? "" : `${alias}:`}${id}`;
  },
} as const;

/** Redis keys of the central configuration; both are written together. */
export const configurationKeys = {
  /** Number of the current version. */
  version: "cfg",
  /** The document with its version, as JSON. */
  document: "cfg:doc",
} as const;

/** Reads a value of `cfg`; undefined if it is not a version. */
export function readConfigurationVersion(reply: unknown): number | undefined {
  return typeof reply === "string" && /^[1-9]\d{0,14}$/.test(reply) ? Number(reply) : undefined;
}

/** Redis key of the last event that a service has published. */
export function sequenceMarkKey(service: string): string {
  return `ev:${service}`;
}

/** The position of a copy of the durable revocation log, and the identity of that log. */
export interface RevocationPosition {
  /** Identity of the log; a log that is restored from a backup gets another one. */
  readonly identity: string;
  /** The copy has every entry up to this one. */
  readonly position: number;
}

/** Header of the response to a rebuild of the list: the position that Redis has after it. */
export const revocationPositionHeader = "Revocation-Position";

/** The form in Redis and in the header. */
export function formatRevocationPosition({ identity, position }: RevocationPosition): string {
  return `${identity}:${position}`;
}

/** Undefined for a value without a position, such as the `1` of version 0.1.0. */
export function readRevocationPosition(value: unknown): RevocationPosition | undefined {
  const [, identity, position] = typeof value === "string"
    ? /^([A-Za-z0-9_-]{1,64}):(\d{1,15})$/.exec(value) ?? []
    : [];
  return identity === undefined || position === undefined
    ? undefined
    : { identity, position: Number(position) };
}

/** Whether a copy has at least the entries of another copy, or of the log. */
export function reachesPosition(
  reached: RevocationPosition | undefined,
  { identity, position }: RevocationPosition,
): reached is RevocationPosition {
  return reached?.identity === identity && reached.position >= position;
}
