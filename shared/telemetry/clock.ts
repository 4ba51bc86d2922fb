/** The time sources of a clock. */
export interface ClockSources {
  /** Epoch milliseconds, whole ones. */
  readonly wall?: () => number;
  /** Milliseconds since `origin`, with fractions. */
  readonly steady?: () => number;
  /** Epoch milliseconds when the steady clock began. */
  readonly origin?: number;
}

const checkEveryMs = 1_000;
const maxDriftMs = 20;

/**
 * Epoch milliseconds with fractions, for spans shorter than a millisecond.
 *
 * The steady clock does not follow corrections of the wall clock or the sleep of a laptop: once a
 * second the two are compared, and the wall clock wins when they differ by 20 ms or more.
 */
export function createClock(
  {
    wall = Date.now,
    steady = () => performance.now(),
    origin = performance.timeOrigin,
  }: ClockSources = {},
): () => number {
  let base = origin;
  let checkedAt = Number.NEGATIVE_INFINITY;
  return function now() {
    const elapsed = steady();
    if (elapsed - checkedAt > checkEveryMs) {
      checkedAt = elapsed;
      const truth = wall();
      if (Math.abs(truth - base - elapsed) > maxDriftMs) base = truth - elapsed;
    }
    return base + elapsed;
  };
}
