import { type CallWindow, createCallWindow, type SlowCall } from "./call_window.ts";
import { createMonotonic, type Monotonic } from "./monotonic.ts";
import type { BreakerPolicy } from "./policy.ts";

/** Closed lets calls through, open refuses them, half-open lets a few through to see. */
export type BreakerState = "closed" | "open" | "half_open";

/** Leave to make one call; it is settled once, and whatever comes after counts for nothing. */
export interface Permit {
  /** Tells it from a refusal. */
  readonly allowed: true;
  /** The dependency did its work. */
  succeed(): void;
  /** It failed, or did not answer in time. */
  fail(): void;
  /** Nothing can be said: the client left. */
  cancel(): void;
}

/** No call now. */
export interface Refusal {
  /** Tells it from a permit. */
  readonly allowed: false;
  /** Milliseconds until the next call may be let through. */
  readonly retryAfterMs: number;
}

/** What a permit is asked for. */
export interface PermitOptions {
  /** Whether the call's time is the dependency's alone; of a streamed upload it is not. Default true. */
  readonly timed?: boolean;
}

/** A circuit breaker of one dependency, in one isolate. */
export interface CircuitBreaker {
  /** As the last call left it: an open one becomes half-open by the next call. */
  state(): BreakerState;
  /** Asks for leave to make a call. */
  acquire(options?: PermitOptions): Permit | Refusal;
}

/** What a breaker is made of. */
export interface BreakerOptions {
  /** Read at each call; a new `windowMs` begins a new window. */
  readonly policy: () => BreakerPolicy;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
  /** Told of each change of state. */
  readonly onTransition?: (to: BreakerState, from: BreakerState) => void;
}

interface Call {
  readonly startedAt: number;
  /** Calls of an earlier state say nothing about the present one. */
  readonly episode: number;
  /** Set where it was counted while still under way. */
  slow?: SlowCall;
}

/**
 * Makes a breaker that is closed.
 *
 * Requests never wait for one another here: half-open, one call goes through and the others are
 * refused. A call that is never settled, because its isolate was stopped, holds nothing: it counts as
 * slow in time, and the next `openMs` brings the next probe.
 */
export function createCircuitBreaker(
  { policy, now: clock = () => performance.now(), onTransition = () => {} }: BreakerOptions,
): CircuitBreaker {
  const now = createMonotonic(clock);
  let state: BreakerState = "closed";
  let episode = 0;
  let calls: { readonly window: CallWindow; readonly windowMs: number } | undefined;
  /** In the order of their beginnings. */
  const underWay = new Set<Call>();
  let openedAt = 0;
  let probes = { since: 0, begun: 0, succeeded: 0 };

  function enter(next: BreakerState): void {
    const from = state;
    state = next;
    episode++;
    calls = undefined;
    underWay.clear();
    if (next === "open") openedAt = now();
    if (next === "half_open") probes = { since: now(), begun: 0, succeeded: 0 };
    onTransition(next, from);
  }

  function windowOf({ windowMs }: BreakerPolicy): CallWindow {
    if (calls?.windowMs !== windowMs) calls = { window: createCallWindow(windowMs, now), windowMs };
    return calls.window;
  }

  function judge(rules: BreakerPolicy): void {
    const { calls, failures, slow } = windowOf(rules).totals();
    if (calls < rules.minimumCalls) return;
    const isOver = (part: number, percent: number) => part > 0 && part * 100 >= percent * calls;
    if (isOver(failures, rules.failureRatePercent) || isOver(slow, rules.slowCallRatePercent)) {
      enter("open");
    }
  }

  /** Who has waited too long counts now: a dependency that hangs would otherwise never be judged. */
  function countOverdue(rules: BreakerPolicy): void {
    let counted = false;
    for (const call of underWay) {
      if (now() - call.startedAt < rules.slowCallMs) break;
      underWay.delete(call);
      call.slow = windowOf(rules).addSlow();
      counted = true;
    }
    if (counted) judge(rules);
  }

  function settle(call: Call, failed: boolean, timed: boolean): void {
    if (call.episode !== episode) return;
    const rules = policy();
    const slow = timed && now() - call.startedAt >= rules.slowCallMs;
    if (state === "half_open") return settleProbe(rules, failed || slow);
    underWay.delete(call);
    if (call.slow === undefined) windowOf(rules).add({ failed, slow });
    else if (failed) call.slow.fail();
    judge(rules);
  }

  function settleProbe({ permittedHalfOpenCalls }: BreakerPolicy, failed: boolean): void {
    if (failed) enter("open");
    else if (++probes.succeeded >= permittedHalfOpenCalls) enter("closed");
  }

  function permit(timed: boolean): Permit {
    const call: Call = { startedAt: now(), episode };
    let settled = false;
    const once = (work: () => void) => () => {
      if (settled) return;
      settled = true;
      work();
    };
    if (timed && state === "closed") underWay.add(call);
    return {
      allowed: true,
      succeed: once(() => settle(call, false, timed)),
      fail: once(() => settle(call, true, timed)),
      cancel: once(() => underWay.delete(call)),
    };
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
      if (state === "closed") countOverdue(rules);
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
