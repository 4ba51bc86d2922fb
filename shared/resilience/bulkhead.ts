import { createMonotonic, type Monotonic } from "./effects.ts";

/** A call's slot among the calls in flight; a second release has no effect. */
export interface Slot {
  /** Frees the slot. */
  release(): void;
}

/** Bounds the calls of one dependency in flight in this isolate. */
export interface Bulkhead {
  /**
   * A slot, or undefined when all are taken. There is no queue: on Workers requests cannot wait for
   * each other.
   */
  enter(): Slot | undefined;
}

/** Dependencies of a bulkhead. */
export interface BulkheadOptions {
  /** Read at each call. */
  readonly maxConcurrent: () => number;
  /** The longest possible call in milliseconds; default a minute. */
  readonly leaseMs?: number;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: Monotonic;
}

/**
 * Creates a bulkhead. The slot of a request that was stopped together with its execution is never
 * released: it is free again after `leaseMs`.
 */
export function createBulkhead(
  { maxConcurrent, leaseMs = 60_000, now: clock = () => performance.now() }: BulkheadOptions,
): Bulkhead {
  const now = createMonotonic(clock);
  /** In order of acquisition. */
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
