import type { RetryPolicy } from "./policy.ts";

/** Pays for retries: they stay a tenth of all calls, however much fails. */
export interface RetryBudget {
  /** A call has begun. */
  earn(): void;
  /** Whether a retry can be paid; if so, it is. */
  spend(): boolean;
}

/** In tenths, since a sum of 0.1 would never be 1. */
const earnedByCall = 1;
const costOfRetry = 10;
/** Saved by quiet times: three retries at once and no more. */
const mostSaved = 3 * costOfRetry;

/**
 * Makes an empty budget: at any time retries are at most a tenth of the calls so far, so that whoever
 * calls a dependency that is down makes its load at most 1.1 times what it was.
 */
export function createRetryBudget(): RetryBudget {
  let saved = 0;
  return {
    earn() {
      saved = Math.min(saved + earnedByCall, mostSaved);
    },
    spend() {
      if (saved < costOfRetry) return false;
      saved -= costOfRetry;
      return true;
    },
  };
}

/** Methods that may be sent again (RFC 9110 §9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether a request may be sent again, and can be: a stream is read once. */
export function isRepeatable({ method = "GET", body = null }: RequestInit): boolean {
  return idempotent.has(method.toUpperCase()) && !(body instanceof ReadableStream);
}

/** What a wait depends on. */
export interface Wait {
  /** Attempts made so far. */
  readonly attempt: number;
  /** What the dependency asked for by `Retry-After`, in milliseconds. */
  readonly askedMs?: number | undefined;
  /** The caller's time that is left, in milliseconds; ten seconds where nobody says. */
  readonly remainingMs?: number | undefined;
}

/** Decides how long a failed call waits before it is sent again. */
export interface Retry {
  /** A call has begun. */
  begin(): void;
  /** Milliseconds until the next attempt, or undefined where there is none; one is paid for. */
  next(wait: Wait): number | undefined;
}

/** What retries are made of. */
export interface RetryOptions {
  /** Read at each failure. */
  readonly policy: () => RetryPolicy;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/**
 * Makes the retries of one dependency: full jitter, `Retry-After` where the caller's time allows it,
 * never past that time, and paid from a budget.
 */
export function createRetry({ policy, random = Math.random }: RetryOptions): Retry {
  const budget = createRetryBudget();
  return {
    begin: budget.earn,
    next({ attempt, askedMs = 0, remainingMs = 10_000 }) {
      const { maxAttempts, baseDelayMs, maxDelayMs } = policy();
      if (attempt >= maxAttempts) return undefined;
      const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
      // Callers who were told the same moment must not all come at it.
      const delayMs = askedMs + random() * longest;
      if (delayMs >= remainingMs) return undefined;
      return budget.spend() ? delayMs : undefined;
    },
  };
}

/** What `Retry-After` asks for in milliseconds: seconds or a date (RFC 9110 §10.2.3). */
export function readRetryAfterMs(header: string | null, epochMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  // An HTTP date ends in GMT; without asking, `-1` would be read as a year.
  const date = header.endsWith("GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - epochMs);
}
