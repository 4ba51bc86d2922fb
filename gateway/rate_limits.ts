import type { Limit, RateLimits } from "@edgepass/shared/configuration";
import { toNetwork } from "@edgepass/shared/network";

/** Who asks for what, as far as limits are concerned. */
export interface CountedCaller {
  /** Undefined where the deployment cannot know it. */
  readonly address: string | undefined;
  /** The subject of the access token; absent where nobody is known. */
  readonly sub?: string | undefined;
  /** The route's path, as the table has it. */
  readonly route?: string | undefined;
}

/** Whom a limit counts. */
export type LimitedBy = "address" | "person" | "route";

/** One limit that applies to a request, and where its requests are counted. */
export interface Counter {
  readonly policy: LimitedBy;
  readonly limit: Limit;
  /** Of the window under way. */
  readonly key: string;
  /** Of the window before it. */
  readonly previousKey: string;
}

/** Requests counted in the window under way, this one included, and in the one before. */
export interface Counted {
  readonly current: number;
  readonly previous: number;
}

/** What a limit says of a request. */
export interface Verdict {
  /** Whom the limit counts. */
  readonly policy: LimitedBy;
  /** What is configured. */
  readonly limit: Limit;
  /** Whether the request is within it. */
  readonly isAllowed: boolean;
  /** Requests that are left at this moment. */
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly resetSeconds: number;
  /** Seconds until the next request would be allowed; 0 when it would be now. */
  readonly retryAfterSeconds: number;
}

/** The limits that apply to a caller, with the windows of this moment; `now` in epoch milliseconds. */
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
 * Judges a request by a sliding window: what was counted in the window before weighs as much as of
 * it still lies within the last `windowSeconds`.
 *
 * Refused requests are counted too, so who does not wait does not get through; a window before never
 * weighs more than the limit, so who waits gets through after one window at the latest.
 */
export function evaluateLimit(
  { policy, limit: rule }: Pick<Counter, "policy" | "limit">,
  { current, previous }: Counted,
  now: number,
): Verdict {
  const { limit, windowSeconds } = rule;
  // In whole milliseconds, or a window would end a second late by rounding.
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

/** Until one more request fits: later in this window, or in the next one, where this one weighs. */
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

/** The fields that tell a client its limits (draft-ietf-httpapi-ratelimit-headers). */
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
