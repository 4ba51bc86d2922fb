import type { Redis as UpstashClient } from "@upstash/redis";

/** Commands of one round trip, in order, as the official client builds them. */
export type RedisPipeline = ReturnType<UpstashClient["pipeline"]>;

/** Redis as the platform needs it: several commands, one round trip, all replies or an error. */
export interface Redis {
  /**
   * Runs the commands that `build` adds, and answers one reply each, not interpreted: texts stay
   * texts. Not a transaction. `build` may run once only.
   *
   * @throws {RedisUnavailable} when any of them failed, or no complete reply came in time
   */
  pipeline(build: (pipeline: RedisPipeline) => void): Promise<readonly unknown[]>;
}

/** Redis gave no usable reply in time. Nothing may be concluded from it. */
export class RedisUnavailable extends Error {
  /** Tells it from other errors. */
  override readonly name = "RedisUnavailable";
}
