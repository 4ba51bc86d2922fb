import { Problem } from "@edgepass/shared/problem";

/** The requester of a hash. */
export interface Requester {
  /** The network of the caller's address. */
  readonly network: string;
  /** Aborts when the caller has disconnected or stopped waiting. */
  readonly signal?: AbortSignal | undefined;
}

export interface SlotLimits {
  /** Concurrent hashes. */
  readonly maxRunning: number;
  /** Requests that wait for a slot; 0 disables the queue. */
  readonly maxWaiting: number;
}

/** The slots that hashes run in. */
export interface HashingSlots {
  /**
   * Takes a slot, first come, first served; calling the result releases it.
   *
   * One network has at most half of all slots, running and waiting: it alone cannot block the
   * others.
   *
   * @throws {Problem} `upstream_unavailable` when every slot is taken, or the caller left while it
   *   waited; `rate_limited` when the slots of its network are taken. Both with `Retry-After`
   */
  acquire(requester?: Requester): Promise<() => void>;
}

/**
 * Creates the slots of one isolate.
 *
 * Sixteen concurrent hashes on two processors delayed all other requests by up to two seconds.
 * Where no request may wait for another one (Workers), `maxWaiting` is 0.
 */
export function createHashingSlots({ maxRunning, maxWaiting }: SlotLimits): HashingSlots {
  const networks = createCounts(Math.ceil((maxRunning + maxWaiting) / 2));
  // In order of arrival.
  const waiting = new Set<() => void>();
  let running = 0;

  function start(): void {
    running++;
  }
  function startNext(): void {
    const [grant] = waiting;
    if (grant === undefined || running >= maxRunning) return;
    waiting.delete(grant);
    grant();
  }
  async function wait(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const grant = (): void => {
      start();
      resolve();
    };
    // A hash whose caller has left must not take a slot from those behind it.
    const abandon = (): void => {
      if (waiting.delete(grant)) reject(full(signal?.reason));
    };
    waiting.add(grant);
    signal?.addEventListener("abort", abandon);
    if (signal?.aborted) abandon();
    await promise.finally(() => signal?.removeEventListener("abort", abandon));
  }

  return {
    async acquire({ network, signal } = { network: "" }) {
      const isBusy = running >= maxRunning;
      if (isBusy && waiting.size >= maxWaiting) throw full();
      const leaveNetwork = networks.enter(network);
      try {
        if (isBusy) await wait(signal);
        else start();
      } catch (error) {
        leaveNetwork();
        throw error;
      }
      let isReleased = false;
      return function release() {
        if (isReleased) return;
        isReleased = true;
        running--;
        leaveNetwork();
        startNext();
      };
    },
  };
}

/** Slots by network; a network without slots has no entry. Our own work has no network. */
function createCounts(max: number) {
  const counts = new Map<string, number>();
  return {
    enter(network: string): () => void {
      if (network === "") return () => {};
      const count = counts.get(network) ?? 0;
      if (count >= max) throw new Problem("rate_limited", { headers: { "retry-after": "1" } });
      counts.set(network, count + 1);
      return () => {
        const left = (counts.get(network) ?? 1) - 1;
        if (left > 0) counts.set(network, left);
        else counts.delete(network);
      };
    },
  };
}

function full(cause?: unknown): Problem {
  return new Problem("upstream_unavailable", {
    detail: "Too many passwords are being checked at once",
    headers: { "retry-after": "1" },
    cause,
  });
}
