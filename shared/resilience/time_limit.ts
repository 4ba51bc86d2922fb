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
  /** Stops the limit; a body that still streams is bound by the caller's signal alone. */
  stop(): void;
}

/** Starts a limit of `ms` milliseconds. */
export function startTimeLimit(ms: number, caller: AbortSignal): TimeLimit {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = new AbortController();
  const timer = setTimeout(() => {
    const reason = new DOMException("The attempt took too long", "TimeoutError");
    reject(reason);
    abort.abort(reason);
  }, ms);
  return {
    signal: AbortSignal.any([caller, abort.signal]),
    passed: promise,
    hasPassed: () => abort.signal.aborted,
    stop: () => clearTimeout(timer),
  };
}
