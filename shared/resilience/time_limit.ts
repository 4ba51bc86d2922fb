import type { Problem } from "../problem.ts";

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
