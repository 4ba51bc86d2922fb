import type { Problem } from "../problem.ts";

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

/** Milliseconds since an arbitrary moment, for durations; never epoch time. */
export type Monotonic = () => number;

/**
 * The same clock, which never runs backwards: on Workers it is the wall clock, and one that is set
 * back an hour must not keep a breaker open for an hour.
 */
export function createMonotonic(now: Monotonic): Monotonic {
  let last = Number.NEGATIVE_INFINITY;
  let skew = 0;
  return function monotonic() {
    const at = now() + skew;
    if (at >= last) return last = at;
    skew += last - at;
    return last;
  };
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

/**
 * Starts a limit of `ms` milliseconds. The dependency's time starts again at each part of an
 * upload, and stops while the sender owes one.
 */
export function startTimeLimit(ms: number, caller: AbortSignal, upload?: Upload): TimeLimit {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = new AbortController();
  let [isOver, isStopped] = [false, false];
  const leave = (): void => abort.abort(caller.reason);
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
