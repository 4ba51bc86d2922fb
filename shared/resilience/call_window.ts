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

/** The calls of one time slice. */
interface Bucket {
  calls: number;
  failures: number;
  slow: number;
}

/** What is counted of a call. */
export interface CallRecord {
  readonly failed: boolean;
  readonly slow: boolean;
}

/** A call that was counted as slow before it ended. */
export interface SlowCall {
  /** It failed in the end; if it has left the window already, it is counted again. */
  fail(): void;
}

/** The calls of the last `windowMs`. */
export interface CallWindow {
  /** Counts a call that has ended. */
  add(record: CallRecord): void;
  /** Counts a call that is still in flight as slow. */
  addSlow(): SlowCall;
  /** The current totals. */
  totals(): Readonly<Bucket>;
}

/** The window moves in steps of a tenth of its length. */
export const bucketsPerWindow = 10;

/** Creates an empty window of fixed length. Adding and reading take constant time. */
export function createCallWindow(windowMs: number, now: Monotonic): CallWindow {
  const bucketMs = windowMs / bucketsPerWindow;
  const buckets: Bucket[] = Array.from({ length: bucketsPerWindow }, emptyBucket);
  const total = emptyBucket();
  let newest = bucketAt();

  function bucketAt(): number {
    return Math.floor(now() / bucketMs);
  }

  function slot(bucket: number): Bucket {
    // The remainder of a negative number is negative, and a clock may start below zero.
    const index = ((bucket % bucketsPerWindow) + bucketsPerWindow) % bucketsPerWindow;
    return buckets[index]!; // One for each remainder.
  }

  function advance(): number {
    const current = bucketAt();
    const from = Math.max(newest + 1, current - bucketsPerWindow + 1);
    for (let bucket = from; bucket <= current; bucket++) {
      const left = slot(bucket);
      total.calls -= left.calls;
      total.failures -= left.failures;
      total.slow -= left.slow;
      Object.assign(left, emptyBucket());
    }
    newest = current;
    return current;
  }

  function count(bucket: number, change: Bucket): void {
    for (const counts of [slot(bucket), total]) {
      counts.calls += change.calls;
      counts.failures += change.failures;
      counts.slow += change.slow;
    }
  }

  return {
    add({ failed, slow }) {
      count(advance(), { calls: 1, failures: Number(failed), slow: Number(slow) });
    },
    addSlow() {
      const bucket = advance();
      count(bucket, { calls: 1, failures: 0, slow: 1 });
      return {
        fail() {
          const current = advance();
          if (current - bucket < bucketsPerWindow) {
            count(bucket, { calls: 0, failures: 1, slow: 0 });
          } else count(current, { calls: 1, failures: 1, slow: 1 });
        },
      };
    },
    totals() {
      advance();
      return total;
    },
  };
}

function emptyBucket(): Bucket {
  return { calls: 0, failures: 0, slow: 0 };
}
