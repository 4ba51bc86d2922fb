/** What a clock is made of. */
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
 * Epoch milliseconds with fractions, for spans that last less than one.
 *
 * The steady clock knows neither corrections of the wall clock nor the sleep of a laptop: once a
 * second the two are compared, and 20 ms apart the wall clock wins.
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
