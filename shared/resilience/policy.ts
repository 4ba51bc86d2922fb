import * as z from "zod/mini";
import type { Monotonic } from "./call_window.ts";

/** When a circuit breaker opens, and when it probes; terms and meaning are Resilience4j's. */
export interface BreakerPolicy {
  /** The length of the window of ended calls, in milliseconds. */
  readonly windowMs: number;
  /** With fewer calls in the window the breaker never opens. */
  readonly minimumCalls: number;
  /** It opens when this share of the window's calls failed. */
  readonly failureRatePercent: number;
  /** A call of this duration is slow, even while still in flight, in milliseconds. */
  readonly slowCallMs: number;
  /** It opens when this share of the window's calls was slow. */
  readonly slowCallRatePercent: number;
  /** How long it stays open, and the time between two probes, in milliseconds. */
  readonly openMs: number;
  /** Calls admitted while half-open, in each `openMs`; it closes when this many succeeded. */
  readonly permittedHalfOpenCalls: number;
}

/** Which calls are retried. */
export interface RetryPolicy {
  /** All attempts of a call, the first included; 1 means no retry. */
  readonly maxAttempts: number;
  /** The longest delay before the second attempt; doubled for each further one. In milliseconds. */
  readonly baseDelayMs: number;
  /** The maximum of any delay, in milliseconds. */
  readonly maxDelayMs: number;
}

/** How one dependency is called. */
export interface Policy {
  /** Until the response begins, for each attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Calls of this instance in flight; more are refused at once, never queued. */
  readonly maxConcurrent: number;
  /** Which calls are retried. */
  readonly retry: RetryPolicy;
  /** When calls are refused. */
  readonly breaker: BreakerSettings;
}

/**
 * A breaker's policy as configured: without a threshold of its own a call is slow at its time
 * limit.
 */
export interface BreakerSettings extends Omit<BreakerPolicy, "slowCallMs"> {
  /** A call of this duration is slow, in milliseconds; by default the time limit. */
  readonly slowCallMs?: number | undefined;
}

const milliseconds = z.number().check(z.int(), z.minimum(1), z.maximum(600_000));
const count = z.number().check(z.int(), z.minimum(1), z.maximum(1_000_000));
const percent = z.number().check(z.minimum(1), z.maximum(100));

/** A partial policy, as a table or the central configuration sets it; the rest is the default. */
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

/** A partial policy. */
export type PolicyPatch = z.output<typeof policySchema>;

/**
 * The policy of a dependency without configuration.
 *
 * At 50 requests a second the breaker opens within 2 seconds of an outage that follows a healthy
 * time, whether the dependency refuses or never responds, and closes about a second after the end.
 * By default no call within its time limit is slow: a dependency that may take half a minute must
 * not find its breaker open because it took two seconds.
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
 * The policy of Redis. One probe a second while it is down; its time limit is the budget of the
 * round trip, which the client itself enforces.
 */
export const redisPolicy: PolicyPatch = { breaker: { openMs: 1_000 } };

/** A complete policy: values of `patch` where it has them, of `base` elsewhere. */
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

/** The current policy of a dependency; read at each call, so that it may change at any time. */
export type Policies = (dependency: string) => Policy;

/** The policies of a table; a dependency without a row has the default. */
export function createPolicies(table: Readonly<Record<string, PolicyPatch>>): Policies {
  const policies = new Map(
    Object.entries({ redis: redisPolicy, ...table }).map(([name, row]) => [name, toPolicy(row)]),
  );
  return (dependency) => policies.get(dependency) ?? defaultPolicy;
}

/** The policies of a table, each with the current changes of the central configuration. */
export function livePolicies<
  Values extends { readonly dependencies: Readonly<Record<string, PolicyPatch>> },
>(
  { select }: { readonly select: <Made>(make: (values: Values) => Made) => () => Made },
  table: Policies,
): Policies {
  const changed = select(({ dependencies }): ReadonlyMap<string, Policy> =>
    new Map(
      Object.entries(dependencies).map(([name, patch]) => [name, toPolicy(patch, table(name))]),
    )
  );
  return (dependency) => changed().get(dependency) ?? table(dependency);
}

/** The policies of a platform whose product has no table. */
export const defaultPolicies: Policies = createPolicies({});

/** Effects that tests replace. */
export interface ResilienceEffects {
  /** Monotonic milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
  /** Epoch milliseconds, for deadlines and dates; `Date.now` by default. */
  readonly epochNow?: () => number;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
  /** Waits, or rejects with the signal's reason. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}
