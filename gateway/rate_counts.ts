import type { RedisPipeline } from "@edgepass/shared/redis";
import type { Counted, Counter } from "./rate_limits.ts";

/**
 * Adds one to each window under way and reads the one before, all counters in one command.
 *
 * A Redis that takes no writes still tells who is revoked, so a refused one is no error here: it
 * counts as nothing, and the instance counts by itself.
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

/** Has Redis count a request, in the round trip that asks for revocations anyway. */
export function addCounters(pipeline: RedisPipeline, counters: readonly Counter[]): void {
  const keys = counters.flatMap(({ key, previousKey }) => [key, previousKey]);
  // A window still counts while it is the one before.
  const lives = counters.map(({ limit }) => String(2 * limit.windowSeconds));
  pipeline.eval(countAll, keys, lives);
}

/** What Redis counted, or undefined for a reply that is no such thing. */
export function readCounts(reply: unknown, expected: number): readonly Counted[] | undefined {
  if (!Array.isArray(reply) || reply.length !== 2 * expected) return undefined;
  const numbers = reply.map(Number);
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
  return Array.from({ length: expected }, (_, at) => ({
    current: numbers[2 * at] ?? 0,
    previous: numbers[2 * at + 1] ?? 0,
  }));
}

/** Counts what this instance alone has seen. */
export type CountLocally = (counters: readonly Counter[]) => readonly Counted[];

/** Makes counters that ask nobody; the oldest are forgotten when there are too many. */
export function createLocalCounter({ maxCounters = 20_000 } = {}): CountLocally {
  const counts = new Map<string, number>();
  return function countLocally(counters) {
    return counters.map(({ key, previousKey }) => {
      const current = (counts.get(key) ?? 0) + 1;
      const [oldest] = current === 1 && counts.size >= maxCounters ? counts.keys() : [];
      if (oldest !== undefined) counts.delete(oldest);
      counts.set(key, current);
      return { current, previous: counts.get(previousKey) ?? 0 };
    });
  };
}
