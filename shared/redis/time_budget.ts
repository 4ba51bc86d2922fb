/** The clock and the timers of a time budget. */
export interface TimeBudgetClock {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Runs `run` after `ms` milliseconds; the returned function cancels it. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** The time budget of one call. */
export interface TimeBudget {
  /** Aborted when the budget is used up. */
  readonly signal: AbortSignal;
  /** How late this process's own timers were so far, in milliseconds. */
  lagMs(): number;
  /** Ends the budget when the call is over, whatever its outcome. */
  end(): void;
}

export interface TimeBudgetOptions {
  /** What the other side may take from now on, in milliseconds. */
  readonly budgetMs: number;
  /** What the call may take in total, however far this process lags, in milliseconds. */
  readonly maxMs: number;
}

/** How often the event loop's lag is measured, in milliseconds. */
const sliceMs = 10;

const runtimeClock: TimeBudgetClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Starts a time budget that excludes the event loop's own lag. Otherwise a busy process would
 * discard replies that arrived in time, and refuse every request although Redis is healthy.
 *
 * The budget is spent in slices; each one extends it by its timer's lag, up to `maxMs` in total.
 * When the last timer was late, the loop gets the same time once more, one slice at most, to read
 * replies that have arrived: it does not wait for Redis then, it catches up.
 */
export function beginTimeBudget(
  { budgetMs, maxMs }: TimeBudgetOptions,
  { now, after }: TimeBudgetClock = runtimeClock,
): TimeBudget {
  const over = new AbortController();
  const endsAt = now() + Math.max(budgetMs, maxMs);
  let left = budgetMs;
  let lagMs = 0;
  let isLastLook = false;
  let cancel: () => void = () => {};

  function wait(ms: number): void {
    const dueAt = now() + ms;
    cancel = after(ms, () => {
      const lateMs = now() - dueAt;
      lagMs += lateMs;
      left -= ms;
      if (isLastLook) return expire();
      const mayTakeMs = Math.min(left, endsAt - now());
      if (mayTakeMs > 0) return wait(Math.min(mayTakeMs, sliceMs));
      if (lateMs <= 0) return expire();
      isLastLook = true;
      wait(Math.min(lateMs, sliceMs));
    });
  }

  function expire(): void {
    over.abort(new DOMException("Signal timed out", "TimeoutError"));
  }

  wait(Math.min(left, sliceMs));
  return { signal: over.signal, lagMs: () => lagMs, end: () => cancel() };
}
