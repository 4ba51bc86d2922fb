import { createMonotonic, type Monotonic } from "./effects.ts";
import type { BreakerPolicy } from "./policy.ts";

/** Closed admits calls, open refuses them, half-open admits a few as probes. */
export type BreakerState = "closed" | "open" | "half_open";

/** Permission for one call; only the first outcome counts. */
export interface Permit {
  /** Distinguishes it from a refusal. */
  readonly allowed: true;
  /** The dependency responded as it should. */
  succeed(): void;
  /** It failed, or did not respond in time. */
  fail(): void;
  /** The outcome is unknown: the client left. */
  cancel(): void;
}

/** The call is refused. */
export interface Refusal {
  /** Distinguishes it from a permit. */
  readonly allowed: false;
  /** Milliseconds until the next call may be admitted. */
  readonly retryAfterMs: number;
}

/** Options of one permit. */
export interface PermitOptions {
  /**
   * Whether the duration measures the dependency alone; that of a streamed upload does not. Default
   * true.
   */
  readonly timed?: boolean;
}

/** A circuit breaker of one dependency, in one isolate. */
export interface CircuitBreaker {
  /** As of the last call: an open breaker becomes half-open at the next call. */
  state(): BreakerState;
  /** Requests a permit for a call. */
  acquire(options?: PermitOptions): Permit | Refusal;
}

/** Dependencies of a breaker. */
export interface BreakerOptions {
  /** Read at each call; a new `windowMs` starts a new window. */
  readonly policy: () => BreakerPolicy;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
  /** Called at each change of state. */
  readonly onTransition?: (to: BreakerState, from: BreakerState) => void;
}

interface Call {
  readonly startedAt: number;
  /** Calls of an earlier state are ignored in the present one. */
  readonly episode: number;
  /** Set when the call was counted as slow while in flight. */
  slow?: SlowCall;
}

/**
 * Creates a closed breaker.
 *
 * Requests never wait for one another here: half-open, one call is admitted and the others are
 * refused. A call that is never settled, because its isolate was stopped, blocks nothing: it counts
 * as slow in time, and the next `openMs` brings the next probe.
 */
export function createCircuitBreaker(
  { policy, now: clock = () => performance.now(), onTransition = () => {} }: BreakerOptions,
): CircuitBreaker {
  const now = createMonotonic(clock);
  const calls = createCalls(now);
  let state: BreakerState = "closed";
  let episode = 0;
  let openedAt = 0;
  let probes = { since: 0, begun: 0, succeeded: 0 };

  function enter(next: BreakerState): void {
    const from = state;
    state = next;
    episode++;
    calls.clear();
    if (next === "open") openedAt = now();
    if (next === "half_open") probes = { since: now(), begun: 0, succeeded: 0 };
    onTransition(next, from);
  }

  function settle(call: Call, failed: boolean, timed: boolean): void {
    if (call.episode !== episode) return;
    const rules = policy();
    const slow = timed && now() - call.startedAt >= rules.slowCallMs;
    if (state === "half_open") {
      if (failed || slow) enter("open");
      else if (++probes.succeeded >= rules.permittedHalfOpenCalls) enter("closed");
    } else if (calls.end(call, { failed, slow }, rules)) enter("open");
  }

  function permit(timed: boolean): Permit {
    const call: Call = { startedAt: now(), episode };
    if (timed && state === "closed") calls.begin(call);
    return createPermit((failed) => settle(call, failed, timed), () => calls.drop(call));
  }

  function probe(rules: BreakerPolicy, timed: boolean): Permit | Refusal {
    const at = now();
    if (at - probes.since >= rules.openMs) probes = { ...probes, since: at, begun: 0 };
    if (probes.begun >= rules.permittedHalfOpenCalls) {
      return { allowed: false, retryAfterMs: rules.openMs - (at - probes.since) };
    }
    probes.begun++;
    return permit(timed);
  }

  return {
    state: () => state,
    acquire({ timed = true } = {}) {
      const rules = policy();
      if (state === "closed" && calls.endOverdue(rules)) enter("open");
      if (state === "closed") return permit(timed);
      if (state === "open") {
        const retryAfterMs = rules.openMs - (now() - openedAt);
        if (retryAfterMs > 0) return { allowed: false, retryAfterMs };
        enter("half_open");
      }
      return probe(rules, timed);
    },
  };
}

/** Only the first outcome counts. */
function createPermit(settle: (failed: boolean) => void, drop: () => void): Permit {
  let settled = false;
  const once = (work: () => void) => () => {
    if (settled) return;
    settled = true;
    work();
  };
  return {
    allowed: true,
    succeed: once(() => settle(false)),
    fail: once(() => settle(true)),
    cancel: once(drop),
  };
}

/** The calls while a breaker is closed; they report when it has to open. */
function createCalls(now: Monotonic) {
  let current: { readonly window: CallWindow; readonly windowMs: number } | undefined;
  /** In order of start. */
  const underWay = new Set<Call>();

  function windowOf({ windowMs }: BreakerPolicy): CallWindow {
    if (current?.windowMs !== windowMs) {
      current = { window: createCallWindow(windowMs, now), windowMs };
    }
    return current.window;
  }

  function mustOpen(rules: BreakerPolicy): boolean {
    const { calls, failures, slow } = windowOf(rules).totals();
    if (calls < rules.minimumCalls) return false;
    const isOver = (part: number, percent: number) => part > 0 && part * 100 >= percent * calls;
    return isOver(failures, rules.failureRatePercent) || isOver(slow, rules.slowCallRatePercent);
  }

  return {
    begin: (call: Call): void => void underWay.add(call),
    drop: (call: Call): void => void underWay.delete(call),
    end(call: Call, record: CallRecord, rules: BreakerPolicy): boolean {
      underWay.delete(call);
      if (call.slow === undefined) windowOf(rules).add(record);
      else if (record.failed) call.slow.fail();
      return mustOpen(rules);
    },
    /**
     * Counts overdue calls as slow before they end: otherwise a dependency that hangs would never
     * open the breaker.
     */
    endOverdue(rules: BreakerPolicy): boolean {
      let counted = false;
      for (const call of underWay) {
        if (now() - call.startedAt < rules.slowCallMs) break;
        underWay.delete(call);
        call.slow = windowOf(rules).addSlow();
        counted = true;
      }
      return counted && mustOpen(rules);
    },
    clear(): void {
      current = undefined;
      underWay.clear();
    },
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
          const isInWindow = current - bucket < bucketsPerWindow;
          if (isInWindow) count(bucket, { calls: 0, failures: 1, slow: 0 });
          else count(current, { calls: 1, failures: 1, slow: 1 });
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
