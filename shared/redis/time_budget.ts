/** What a budget of time is measured with. */
export interface TimeBudgetClock {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Runs something after so many milliseconds; the returned function calls it off. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Budget of one call. */
export interface TimeBudget {
  /** Aborted when the budget is used up. */
  readonly signal: AbortSignal;
  /** The call is over, whatever came of it. */
  end(): void;
}

export interface TimeBudgetOptions {
  /** What the other side may take, in milliseconds, from now on. */
  readonly budgetMs: number;
  /** What the call may take in all, however late this process is, in milliseconds. */
  readonly maxMs: number;
}

/** How often the lateness is measured, in milliseconds. */
const sliceMs = 25;

const runtimeClock: TimeBudgetClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Begins a budget that time in which this process stood still is not taken from: on a busy machine a
 * reply that came in time would be given up unread, and everybody refused for a Redis that is well.
 *
 * The budget is spent in slices; each extends it by as much as its timer was late, up to `maxMs` in
 * all. When the last one was late, the loop gets as long once more to read what came meanwhile.
 */
export function beginTimeBudget(
  { budgetMs, maxMs }: TimeBudgetOptions,
  { now, after }: TimeBudgetClock = runtimeClock,
): TimeBudget {
  const over = new AbortController();
  const endsAt = now() + Math.max(budgetMs, maxMs);
  let left = budgetMs;
  let isLastLook = false;
  let cancel: () => void = () => {};

  function wait(ms: number): void {
    const dueAt = Math.min(now() + ms, endsAt);
    cancel = after(dueAt - now(), () => {
      const lateMs = Math.min(sliceMs, now() - dueAt);
      left -= ms;
      if (now() >= endsAt) return expire();
      if (left > 0) return wait(Math.min(left, sliceMs));
      if (isLastLook || lateMs <= 0) return expire();
      isLastLook = true;
      wait(lateMs);
    });
  }

  function expire(): void {
    over.abort(new DOMException("Signal timed out", "TimeoutError"));
  }

  wait(Math.min(left, sliceMs));
  return { signal: over.signal, end: () => cancel() };
}
