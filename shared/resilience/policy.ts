import * as z from "zod/mini";

/** When a circuit breaker opens, and when it tries again; words and meaning are Resilience4j's. */
export interface BreakerPolicy {
  /** Calls that ended in this time are judged, in milliseconds. */
  readonly windowMs: number;
  /** Fewer calls in the window are never judged. */
  readonly minimumCalls: number;
  /** It opens where this share of the window's calls failed. */
  readonly failureRatePercent: number;
  /** A call of this age is slow, also while it is still under way, in milliseconds. */
  readonly slowCallMs: number;
  /** It opens where this share of the window's calls was slow. */
  readonly slowCallRatePercent: number;
  /** How long it stays open, and the time between two probes, in milliseconds. */
  readonly openMs: number;
  /** Calls let through while half-open, in each `openMs`; it closes when so many succeeded. */
  readonly permittedHalfOpenCalls: number;
}

/** Which calls come again. */
export interface RetryPolicy {
  /** All attempts of a call, the first included; 1 means no retry. */
  readonly maxAttempts: number;
  /** The longest wait before the second attempt; it doubles with each. In milliseconds. */
  readonly baseDelayMs: number;
  /** No wait is longer, in milliseconds. */
  readonly maxDelayMs: number;
}

/** How one dependency is called. */
export interface Policy {
  /** Until the answer begins, for each attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Calls of this instance that wait for an answer; more are refused at once, never queued. */
  readonly maxConcurrent: number;
  /** Which calls come again. */
  readonly retry: RetryPolicy;
  /** When none are made. */
  readonly breaker: BreakerSettings;
}

/** A breaker's policy as far as it is set: without a limit of its own a call is slow at its time limit. */
export interface BreakerSettings extends Omit<BreakerPolicy, "slowCallMs"> {
  /** A call of this age is slow, in milliseconds; where it is left out, one of the time limit's. */
  readonly slowCallMs?: number | undefined;
}

const milliseconds = z.number().check(z.int(), z.minimum(1), z.maximum(600_000));
const count = z.number().check(z.int(), z.minimum(1), z.maximum(1_000_000));
const percent = z.number().check(z.minimum(1), z.maximum(100));

/** A part of a policy, as a table or the central configuration names it; the rest is the default. */
export const policySchema = z.strictObject({
  timeoutMs: z.optional(milliseconds),
  maxConcurrent: z.optional(count),
  retry: z.optional(z.strictObject({
    maxAttempts: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(5))),
    baseDelayMs: z.optional(milliseconds),
    maxDelayMs: z.optional(milliseconds),
  })),
  breaker: z.optional(z.strictObject({
    windowMs: z.optional(milliseconds),
    minimumCalls: z.optional(count),
    failureRatePercent: z.optional(percent),
    slowCallMs: z.optional(milliseconds),
    slowCallRatePercent: z.optional(percent),
    openMs: z.optional(milliseconds),
    permittedHalfOpenCalls: z.optional(z.number().check(z.int(), z.minimum(1), z.maximum(100))),
  })),
});

/** A part of a policy. */
export type PolicyPatch = z.output<typeof policySchema>;

/**
 * What holds for a dependency that nobody says anything about.
 *
 * At 50 requests a second the breaker opens within 2 seconds of an outage that follows a healthy
 * time, whether the dependency refuses or never answers, and closes about a second after the end.
 * No call is slow by default that its time limit still allows: whoever lets a dependency take half a
 * minute must not find its breaker open because it took two seconds.
 */
export const defaultPolicy: Policy = {
  timeoutMs: 1_000,
  maxConcurrent: 1_024,
  retry: { maxAttempts: 2, baseDelayMs: 50, maxDelayMs: 1_000 },
  breaker: {
    windowMs: 2_000,
    minimumCalls: 5,
    failureRatePercent: 50,
    slowCallRatePercent: 50,
    openMs: 1_000,
    permittedHalfOpenCalls: 1,
  },
};

/**
 * How Redis is called. One probe a second while it is away; its time limit is the budget of the
 * round trip, which the client itself keeps.
 */
export const redisPolicy: PolicyPatch = { breaker: { openMs: 1_000 } };

/** A whole policy: `patch` where it says something, `base` elsewhere. */
export function toPolicy(patch: PolicyPatch, base: Policy = defaultPolicy): Policy {
  return {
    timeoutMs: patch.timeoutMs ?? base.timeoutMs,
    maxConcurrent: patch.maxConcurrent ?? base.maxConcurrent,
    retry: merge(base.retry, patch.retry),
    breaker: {
      ...merge(base.breaker, patch.breaker),
      slowCallMs: patch.breaker?.slowCallMs ?? base.breaker.slowCallMs,
    },
  };
}

/** The policy of a breaker whose calls may take `limitMs`. */
export function toBreakerPolicy(
  { breaker, timeoutMs }: Pick<Policy, "breaker" | "timeoutMs">,
  limitMs: number = timeoutMs,
): BreakerPolicy {
  return { ...breaker, slowCallMs: breaker.slowCallMs ?? limitMs };
}

function merge<Part extends RetryPolicy | BreakerSettings>(
  base: Part,
  patch: { readonly [Name in keyof Part]?: Part[Name] | undefined } = {},
): Part {
  const merged = { ...base };
  for (const name in base) merged[name] = patch[name] ?? base[name];
  return merged;
}

/** The policy in force for a dependency; asked at each call, so that it may change at any time. */
export type Policies = (dependency: string) => Policy;

/** The policies of a table; what has no row there has the default. */
export function createPolicies(table: Readonly<Record<string, PolicyPatch>>): Policies {
  const policies = new Map(
    Object.entries({ redis: redisPolicy, ...table }).map(([name, row]) => [name, toPolicy(row)]),
  );
  return (dependency) => policies.get(dependency) ?? defaultPolicy;
}

/** The policies of a platform whose product has no table. */
export const defaultPolicies: Policies = createPolicies({});
