import type { Monotonic } from "./monotonic.ts";

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
