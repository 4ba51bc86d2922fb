import type { Redis as UpstashClient } from "@upstash/redis";

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
