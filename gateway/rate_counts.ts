import { createBoundedMap } from "@edgepass/shared/context";
import type { RedisPipeline } from "@edgepass/shared/redis";
import type { Counted, Counter } from "./rate_limits.ts";

/**
 * Increments each current window and reads the previous one, all counters in one command.
 *
 * A read-only Redis still serves revocations, and both share one round trip. So a refused write is
 * no error here: the result is empty, and the instance counts locally.
 */
const countAll = `
local counts = {}
for i = 1, #KEYS, 2 do
  local current = redis.pcall('INCR', KEYS[i])
  if type(current) ~= 'number' then return {} end
  if current == 1 then redis.call('EXPIRE', KEYS[i], ARGV[(i + 1) / 2]) end
  counts[i] = current
  counts[i + 1] = tonumber(redis.call('GET', KEYS[i + 1]) or '0')
end
return counts`;

/** Adds the counters of a request to the round trip that reads revocations. */
export function addCounters(pipeline: RedisPipeline, counters: readonly Counter[]): void {
  const keys = counters.flatMap(({ key, previousKey }) => [key, previousKey]);
  // A window still counts while it is the previous one.
  const lives = counters.map(({ limit }) => String(2 * limit.windowSeconds));
  pipeline.eval(countAll, keys, lives);
}

/** The counts in a reply of Redis, or undefined for any other reply. */
export function readCounts(reply: unknown, expected: number): readonly Counted[] | undefined {
  if (!Array.isArray(reply) || reply.length !== 2 * expected) return undefined;
  const numbers = reply.map(Number);
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
  return Array.from({ length: expected }, (_, at) => ({
    current: numbers[2 * at] ?? 0,
    previous: numbers[2 * at + 1] ?? 0,
  }));
}

/** Counts the requests of this instance alone. */
export type CountLocally = (counters: readonly Counter[]) => readonly Counted[];

/** Makes counters in memory; the oldest are evicted when there are too many. */
export function createLocalCounter({ maxCounters = 20_000 } = {}): CountLocally {
  const counts = createBoundedMap<string, number>(maxCounters);
  return function countLocally(counters) {
    return counters.map(({ key, previousKey }) => {
      const current = (counts.get(key) ?? 0) + 1;
      counts.set(key, current);
      return { current, previous: counts.get(previousKey) ?? 0 };
    });
  };
}
