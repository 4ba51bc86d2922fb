import {
  type CallRecord,
  type CallWindow,
  createCallWindow,
  createMonotonic,
  type Monotonic,
  type SlowCall,
} from "./call_window.ts";
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
  /** Whether the duration measures the dependency alone; not with a streamed upload. Default true. */
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

/** More in one `openMs` would be a flood of aborted probes on a dependency that still fails. */
const maxReplacedProbes = 10;

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
  const probes = createProbes(now);
  let state: BreakerState = "closed";
  let episode = 0;
  let openedAt = 0;

  function enter(next: BreakerState): void {
    const from = state;
    state = next;
    episode++;
    calls.clear();
    if (next === "open") openedAt = now();
    if (next === "half_open") probes.clear();
    onTransition(next, from);
  }

  function settle(call: Call, failed: boolean, timed: boolean): void {
    if (call.episode !== episode) return;
    const rules = policy();
    const slow = timed && now() - call.startedAt >= rules.slowCallMs;
    if (state === "half_open") {
      if (failed || slow) enter("open");
      else if (probes.succeed(rules)) enter("closed");
    } else if (calls.end(call, { failed, slow }, rules)) enter("open");
  }

  function cancel(call: Call): void {
    calls.drop(call);
    probes.replace(call, policy());
  }

  function permit(timed: boolean): Permit {
    const call: Call = { startedAt: now(), episode };
    if (timed && state === "closed") calls.begin(call);
    return createPermit((failed) => settle(call, failed, timed), () => cancel(call));
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
      const retryAfterMs = probes.begin(rules);
      return retryAfterMs === undefined ? permit(timed) : { allowed: false, retryAfterMs };
    },
  };
}

/** Only the first outcome counts. */
function createPermit(settle: (failed: boolean) => void, cancel: () => void): Permit {
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
    cancel: once(cancel),
  };
}

/** The probes while a breaker is half-open. */
function createProbes(now: Monotonic) {
  let [since, begun, succeeded] = [0, 0, 0];
  let replaced = { since: Number.NEGATIVE_INFINITY, count: 0 };
  return {
    clear(): void {
      [since, begun, succeeded] = [now(), 0, 0];
    },
    /** Begins one, or reports the milliseconds until the next may begin. */
    begin({ openMs, permittedHalfOpenCalls }: BreakerPolicy): number | undefined {
      const at = now();
      if (begun === 0 || at - since >= openMs) [since, begun] = [at, 0];
      if (begun >= permittedHalfOpenCalls) return openMs - (at - since);
      begun++;
      return undefined;
    },
    /** Whether enough have succeeded. */
    succeed: (rules: BreakerPolicy): boolean => ++succeeded >= rules.permittedHalfOpenCalls,
    /** Lets the next call be the probe: a client that leaves must not keep a breaker half-open. */
    replace({ startedAt }: Call, { openMs }: BreakerPolicy): void {
      if (startedAt < since) return; // Of an earlier `openMs`, or an earlier state.
      const at = now();
      if (at - replaced.since >= openMs) replaced = { since: at, count: 0 };
      if (replaced.count++ < maxReplacedProbes) begun--;
    },
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
    /** Counts overdue calls as slow before they end: one that hangs would never open the breaker. */
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
