import type { Problem } from "../problem.ts";
import { createMonotonic, type Monotonic } from "./call_window.ts";
import type { RetryPolicy } from "./policy.ts";

/** A call's slot among the calls in flight; a second release has no effect. */
export interface Slot {
  /** Frees the slot. */
  release(): void;
}

/** Bounds the calls of one dependency in flight in this isolate. */
export interface Bulkhead {
  /**
   * A slot, or undefined when all are taken. There is no queue: on Workers requests cannot wait for
   * each other.
   */
  enter(): Slot | undefined;
}

/** Dependencies of a bulkhead. */
export interface BulkheadOptions {
  /** Read at each call. */
  readonly maxConcurrent: () => number;
  /** The longest possible call in milliseconds; default a minute. */
  readonly leaseMs?: number;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
}

/**
 * Creates a bulkhead. The slot of a request that was stopped together with its execution is never
 * released: it is free again after `leaseMs`.
 */
export function createBulkhead(
  { maxConcurrent, leaseMs = 60_000, now: clock = () => performance.now() }: BulkheadOptions,
): Bulkhead {
  const now = createMonotonic(clock);
  /** In order of acquisition. */
  const taken = new Set<{ readonly since: number }>();

  function dropExpired(): void {
    for (const one of taken) {
      if (now() - one.since < leaseMs) return;
      taken.delete(one);
    }
  }

  return {
    enter() {
      const limit = maxConcurrent();
      if (taken.size >= limit) dropExpired();
      if (taken.size >= limit) return undefined;
      const slot = { since: now() };
      taken.add(slot);
      return { release: () => void taken.delete(slot) };
    },
  };
}

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

/** Waits with a timer of the runtime. */
export function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const release = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", release);
      resolve();
    }, ms);
    signal.addEventListener("abort", release, { once: true });
  });
}

/**
 * A request body that arrives while it is sent on. Its sender may be slower than the dependency, and
 * may break a rule: neither is the dependency's failure.
 */
export interface Upload {
  /** Whether the dependency waits for the sender's next bytes: that delay is not the dependency's. */
  isAwaited(): boolean;
  /** Calls `listener` for each part that the sender sent. */
  onPart(listener: () => void): void;
  /** The refusal that ended the body; the transport would report it as an unspecific error. */
  refusal(): Problem | undefined;
}

/** The time one attempt may take. */
export interface TimeLimit {
  /** Aborts when the time is over, or when the caller's own signal does. */
  readonly signal: AbortSignal;
  /**
   * Rejects when the time is over; never resolves. Needed because some upstreams ignore a signal.
   */
  readonly passed: Promise<never>;
  /** Whether the time limit ended the attempt. */
  hasPassed(): boolean;
  /** Ends the attempt because it failed: what still streams for it would never be read. */
  abort(): void;
  /** Stops the limit; a body that still streams is bound by the caller's signal alone. */
  stop(): void;
}

/** Options of {@link startTimeLimit}. */
export interface TimeLimitOptions {
  /** The request body, where it arrives while it is sent. */
  readonly upload?: Upload | undefined;
  /** Called at once when the caller leaves, also if it has left already. */
  readonly onLeave?: () => void;
}

/**
 * Starts a limit of `ms` milliseconds. The dependency's time starts again at each part of an
 * upload, and stops while the sender owes one.
 */
export function startTimeLimit(
  ms: number,
  caller: AbortSignal,
  { upload, onLeave }: TimeLimitOptions = {},
): TimeLimit {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = new AbortController();
  let isOver = false;
  let isStopped = false;
  const leave = (): void => {
    if (!isStopped) onLeave?.();
    abort.abort(caller.reason);
  };
  if (caller.aborted) leave();
  else caller.addEventListener("abort", leave, { once: true });
  const end = (): void => {
    if (upload?.isAwaited()) return;
    isOver = true;
    const reason = new DOMException("The attempt took too long", "TimeoutError");
    reject(reason);
    abort.abort(reason);
  };
  let timer = setTimeout(end, ms);
  upload?.onPart(() => {
    clearTimeout(timer);
    if (!isStopped) timer = setTimeout(end, ms);
  });
  return {
    signal: abort.signal,
    passed: promise,
    hasPassed: () => isOver,
    abort: () => abort.abort(),
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
