/** A clock that stands still until a test moves it. */
export interface TestClock {
  readonly now: () => number;
  /** Waits by moving the clock. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  advance(ms: number): void;
}

/** Makes a clock at a moment that is no round number. */
export function createTestClock(): TestClock {
  let at = 123_456.5;
  return {
    now: () => at,
    advance: (ms) => {
      at += ms;
    },
    async sleep(ms, signal) {
      await Promise.resolve();
      signal.throwIfAborted();
      at += ms;
    },
  };
}
