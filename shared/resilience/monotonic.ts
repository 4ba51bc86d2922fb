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
