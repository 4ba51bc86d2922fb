import type { Limit, RateLimits } from "@edgepass/shared/configuration";
import { toNetwork } from "@edgepass/shared/context";

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
