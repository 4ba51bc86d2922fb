import { createBoundedMap, toNetwork } from "@edgepass/shared/context";
import type { Limit, RateLimits } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { RedisPipeline } from "@edgepass/shared/redis";
import { type Caller, nameCaller } from "./credentials.ts";
import type { CheckedRoute } from "./routes.ts";

/** Counts requests, and evaluates the limits that apply to them. */
export interface RateLimiter {
  /**
   * Counts a request of a network in this instance, before any other service is called.
   *
   * @throws {Problem} `rate_limited` when this instance alone has received too many
   */
  limitByAddressLocally(limit: Limit | undefined, address: string | undefined): void;
  /** The counters that a request increments. */
  countersOf(
    limits: RateLimits,
    caller: {
      readonly address: string | undefined;
      readonly caller: Caller;
      readonly route: Pick<CheckedRoute, "path" | "rateLimited">;
    },
  ): readonly Counter[];
  /** Evaluates the limits by Redis's counts, or by this instance's where Redis has none. */
  evaluateLimits(
    counters: readonly Counter[],
    counts?: ReadonlyMap<string, Counted>,
  ): readonly Verdict[];
}

/** Makes the limiter of one instance. */
export function createRateLimiter({ now }: { readonly now: () => number }): RateLimiter {
  const countNetwork = createLocalCounter();
  const countLocally = createLocalCounter();
  return {
    limitByAddressLocally(limit, address) {
      if (!limit) return;
      const counters = toCounters({ address: limit }, { address }, now());
      refuseTooMany(counters.map((one) => evaluateLimit(one, countNetwork(one), now())));
    },
    countersOf: (limits, { address, caller, route: { path, rateLimited } }) =>
      rateLimited ? toCounters(limits, { address, sub: toPerson(caller), route: path }, now()) : [],
    // Limits of a newer version are incremented in Redis too, but too late for this evaluation.
    evaluateLimits: (counters, counts) =>
      counters.map((one) => evaluateLimit(one, counts?.get(one.key) ?? countLocally(one), now())),
  };
}

function toPerson(caller: Caller): string | undefined {
  return caller === "anonymous" ? undefined : nameCaller(caller);
}

/** @throws {Problem} `rate_limited` with `Retry-After` when a limit is exceeded */
export function refuseTooMany(verdicts: readonly Verdict[]): void {
  const refusals = verdicts.filter(({ isAllowed }) => !isAllowed);
  if (refusals.length === 0) return;
  const seconds = Math.max(...refusals.map(({ retryAfterSeconds }) => retryAfterSeconds));
  throw new Problem("rate_limited", { headers: { "retry-after": String(seconds) } });
}

/** The caller and the route, as far as limits use them. */
export interface CountedCaller {
  /** Undefined where the deployment has no trusted source of it. */
  readonly address: string | undefined;
  /** The subject of the access token; absent for an anonymous caller. */
  readonly sub?: string | undefined;
  /** The route's path in the table. */
  readonly route?: string | undefined;
}

/** What a limit counts by. */
export type LimitedBy = "address" | "person" | "route";

/** One limit that applies to a request, and the keys of its counts. */
export interface Counter {
  readonly policy: LimitedBy;
  readonly limit: Limit;
  /** Redis key of the current window. */
  readonly key: string;
  /** Redis key of the previous window. */
  readonly previousKey: string;
}

/** Requests counted in the current window, this one included, and in the previous one. */
export interface Counted {
  readonly current: number;
  readonly previous: number;
}

/** The result of a limit for a request. */
export interface Verdict {
  /** What the limit counts by. */
  readonly policy: LimitedBy;
  /** The configured limit. */
  readonly limit: Limit;
  /** Whether the request is within it. */
  readonly isAllowed: boolean;
  /** Requests that are left now. */
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly resetSeconds: number;
  /** Seconds until the next request would be allowed; 0 when it would be now. */
  readonly retryAfterSeconds: number;
}

/** The limits that apply to a caller, with the windows at `now`, in epoch milliseconds. */
export function toCounters(
  { address, person, routes }: RateLimits,
  caller: CountedCaller,
  now: number,
): readonly Counter[] {
  const { sub, route } = caller;
  const network = toNetwork(caller.address);
  const ofRoute = route === undefined ? undefined : routes?.[route];
  return [
    ...(address ? [toCounter("address", address, network, now)] : []),
    ...(person && sub !== undefined ? [toCounter("person", person, sub, now)] : []),
    ...(ofRoute ? [toCounter("route", ofRoute, `${route} ${sub ?? network}`, now)] : []),
  ];
}

function toCounter(policy: LimitedBy, limit: Limit, of: string, now: number): Counter {
  const { windowSeconds } = limit;
  const window = Math.floor(now / (windowSeconds * 1000));
  const key = (at: number) => `rl:${policy}:${of}:${windowSeconds}:${at}`;
  return { policy, limit, key: key(window), previousKey: key(window - 1) };
}

/**
 * Evaluates a request by a sliding window: the previous window's count is weighted by the share of
 * that window which still lies within the last `windowSeconds`.
 *
 * Refused requests are counted too, so a client that does not wait stays refused. The previous
 * window never counts for more than the limit, so a client that waits is allowed after one window
 * at the latest.
 */
export function evaluateLimit(
  { policy, limit: rule }: Pick<Counter, "policy" | "limit">,
  { current, previous }: Counted,
  now: number,
): Verdict {
  const { limit, windowSeconds } = rule;
  // In integer milliseconds: otherwise rounding would end a window a second late.
  const passedMs = now % (windowSeconds * 1000);
  const passed = passedMs / (windowSeconds * 1000);
  const before = Math.min(previous, limit);
  const used = (share: number, within: number) => before * (1 - share) + within;
  const isAllowed = used(passed, current) <= limit;
  const leftSeconds = windowSeconds - passedMs / 1000;
  return {
    policy,
    limit: rule,
    isAllowed,
    remaining: Math.max(0, Math.floor(limit - used(passed, current))),
    resetSeconds: Math.ceil(leftSeconds),
    retryAfterSeconds: used(passed, current + 1) <= limit
      ? 0
      : Math.max(1, Math.ceil(waitSeconds({ limit, windowSeconds, before, current }, leftSeconds))),
  };
}

/**
 * Seconds until one more request fits: in this window, or in the next, where this one still counts.
 */
function waitSeconds(
  { limit, windowSeconds, before, current }: {
    limit: number;
    windowSeconds: number;
    before: number;
    current: number;
  },
  leftSeconds: number,
): number {
  if (current + 1 <= limit) {
    const share = 1 - (limit - current - 1) / before;
    return leftSeconds - (1 - share) * windowSeconds;
  }
  return leftSeconds + windowSeconds * (1 - (limit - 1) / Math.min(current, limit));
}

/** The header fields with a client's limits (draft-ietf-httpapi-ratelimit-headers). */
export function rateLimitHeaders(
  verdicts: readonly Verdict[],
): readonly (readonly [name: string, value: string])[] {
  if (verdicts.length === 0) return [];
  const list = (item: (verdict: Verdict) => string) => verdicts.map(item).join(", ");
  const policies = list(({ policy, limit: { limit, windowSeconds } }) =>
    `"${policy}";q=${limit};w=${windowSeconds}`
  );
  const left = list(({ policy, remaining, resetSeconds }) =>
    `"${policy}";r=${remaining};t=${resetSeconds}`
  );
  return [["ratelimit-policy", policies], ["ratelimit", left]];
}

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

/** Makes counters in memory; the oldest are evicted when there are too many. */
export function createLocalCounter({ maxCounters = 20_000 } = {}): (counter: Counter) => Counted {
  const counts = createBoundedMap<string, number>(maxCounters);
  return function countLocally({ key, previousKey }) {
    const current = (counts.get(key) ?? 0) + 1;
    counts.set(key, current);
    return { current, previous: counts.get(previousKey) ?? 0 };
  };
}

/** A token bucket: `burst` calls at once, then one more for each `everyMs` that passes. */
export function createAllowance(
  { burst, everyMs }: { readonly burst: number; readonly everyMs: number },
  now: () => number,
): () => boolean {
  let left: number = burst;
  let countedAt = now();
  return function isAllowed() {
    const passed = Math.abs(now() - countedAt) / everyMs;
    left = Math.min(burst, left + passed);
    countedAt = now();
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
