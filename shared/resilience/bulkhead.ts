import { createMonotonic, type Monotonic } from "./monotonic.ts";

/** A call's place among those under way; leaving twice is leaving once. */
export interface Slot {
  /** Makes room for another. */
  release(): void;
}

/** Bounds the calls of one dependency that are under way in this isolate. */
export interface Bulkhead {
  /** A place, or undefined when all are taken. Nobody waits: on Workers requests cannot. */
  enter(): Slot | undefined;
}

/** What a bulkhead is made of. */
export interface BulkheadOptions {
  /** Read at each call. */
  readonly maxConcurrent: () => number;
  /** No call lasts longer, in milliseconds; default a minute. */
  readonly leaseMs?: number;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
}

/**
 * Makes a bulkhead. A place whose request was stopped with its isolate's leave is never given back:
 * after `leaseMs` it is free again.
 */
export function createBulkhead(
  { maxConcurrent, leaseMs = 60_000, now: clock = () => performance.now() }: BulkheadOptions,
): Bulkhead {
  const now = createMonotonic(clock);
  /** In the order of their beginnings. */
  const taken = new Set<{ readonly since: number }>();

  function dropExpired(): void {
    for (const one of taken) {
      if (now() - one.since < leaseMs) return;
      taken.delete(one);
    }
  }

  return {
    enter() {
      const limit = maxConcurrent();
      if (taken.size >= limit) dropExpired();
      if (taken.size >= limit) return undefined;
      const slot = { since: now() };
      taken.add(slot);
      return { release: () => void taken.delete(slot) };
    },
  };
}
