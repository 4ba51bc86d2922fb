import type { RetryPolicy } from "./policy.ts";

/** Limits retries to a tenth of all calls, however many fail. */
export interface RetryBudget {
  /** Counts a call. */
  earn(): void;
  /** Takes one retry from the budget; false when there is none. */
  spend(): boolean;
}

/** In tenths: ten times 0.1 is not 1 in floating point. */
const earnedByCall = 1;
const costOfRetry = 10;
/** The most that a quiet period saves: three retries at once. */
const maxSaved = 3 * costOfRetry;

/**
 * Creates an empty budget: at any time retries are at most a tenth of the calls so far, so that the
 * load on a dependency that is down is at most 1.1 times the normal load.
 */
export function createRetryBudget(): RetryBudget {
  let saved = 0;
  return {
    earn() {
      saved = Math.min(saved + earnedByCall, maxSaved);
    },
    spend() {
      if (saved < costOfRetry) return false;
      saved -= costOfRetry;
      return true;
    },
  };
}

/** Methods that may be repeated (RFC 9110 §9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether a request may be repeated, and can be: a stream can be read only once. */
export function isRepeatable({ method = "GET", body = null }: RequestInit): boolean {
  return idempotent.has(method.toUpperCase()) && !(body instanceof ReadableStream);
}

/** The inputs of a delay. */
export interface Wait {
  /** Attempts made so far. */
  readonly attempt: number;
  /** The dependency's `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** The caller's remaining time in milliseconds; ten seconds without a deadline. */
  readonly remainingMs?: number | undefined;
}

/** Decides how long a failed call waits before it is repeated. */
export interface Retry {
  /** Counts a call. */
  begin(): void;
  /** Milliseconds until the next attempt, or undefined without one; takes it from the budget. */
  next(wait: Wait): number | undefined;
}

/** Dependencies of retries. */
export interface RetryOptions {
  /** Read at each failure. */
  readonly policy: () => RetryPolicy;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/**
 * Creates the retries of one dependency: full jitter, `Retry-After` within the caller's time, never
 * beyond that time, and limited by a budget.
 */
export function createRetry({ policy, random = Math.random }: RetryOptions): Retry {
  const budget = createRetryBudget();
  return {
    begin: budget.earn,
    next({ attempt, retryAfterMs = 0, remainingMs = 10_000 }) {
      const { maxAttempts, baseDelayMs, maxDelayMs } = policy();
      if (attempt >= maxAttempts) return undefined;
      const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
      // Callers that got the same `Retry-After` must not all retry at the same moment.
      const delayMs = retryAfterMs + random() * longest;
      if (delayMs >= remainingMs) return undefined;
      return budget.spend() ? delayMs : undefined;
    },
  };
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110 §10.2.3). */
export function readRetryAfterMs(header: string | null, epochMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  // An HTTP date ends in GMT; without this check `-1` would be read as a year.
  const date = header.endsWith("GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - epochMs);
}
