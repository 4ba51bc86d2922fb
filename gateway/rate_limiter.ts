import type { Limit, RateLimits } from "@edgepass/shared/configuration";
import { Problem } from "@edgepass/shared/problem";
import type { Caller } from "./identify.ts";
import { createLocalCounter } from "./rate_counts.ts";
import { type Counter, evaluateLimit, toCounters, type Verdict } from "./rate_limits.ts";
import type { EdgeState } from "./revocation.ts";
import type { CheckedRoute } from "./routes.ts";

/** Refuses callers with too many requests. */
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
  evaluateLimits(counters: readonly Counter[], edgeState: EdgeState): readonly Verdict[];
}

/** Makes the limiter of one instance. */
export function createRateLimiter({ now }: { readonly now: () => number }): RateLimiter {
  const countNetwork = createLocalCounter();
  const countLocally = createLocalCounter();
  return {
    limitByAddressLocally(limit, address) {
      if (!limit) return;
      const counters = toCounters({ address: limit }, { address }, now());
      refuseTooMany(evaluateAll(counters, countNetwork(counters), now()));
    },
    countersOf: (limits, { address, caller, route: { path, rateLimited } }) =>
      rateLimited ? toCounters(limits, { address, sub: toPerson(caller), route: path }, now()) : [],
    evaluateLimits(counters, { counted }) {
      if (counters.length === 0) return [];
      // Limits of a newer version are incremented in Redis too, but too late for this evaluation.
      const counts = counters.flatMap((one) => counted?.get(one.key) ?? countLocally([one]));
      return evaluateAll(counters, counts, now());
    },
  };
}

/** With the issuer's alias: two issuers may use the same subject for two people. */
function toPerson(caller: Caller): string | undefined {
  if (caller === "anonymous") return undefined;
  const { alias, sub } = caller;
  return alias === undefined ? sub : `${alias}:${sub}`;
}

function evaluateAll(
  counters: readonly Counter[],
  counts: ReturnType<ReturnType<typeof createLocalCounter>>,
  now: number,
): readonly Verdict[] {
  return counters.flatMap((counter, at) => {
    const counted = counts[at];
    return counted ? [evaluateLimit(counter, counted, now)] : [];
  });
}

/** @throws {Problem} `rate_limited` with `Retry-After` when a limit is exceeded */
export function refuseTooMany(verdicts: readonly Verdict[]): void {
  const refusals = verdicts.filter(({ isAllowed }) => !isAllowed);
  if (refusals.length === 0) return;
  const seconds = Math.max(...refusals.map(({ retryAfterSeconds }) => retryAfterSeconds));
  throw new Problem("rate_limited", { headers: { "retry-after": String(seconds) } });
}
