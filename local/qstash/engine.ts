import { type After, attempt, type AttemptOptions, isSuccess, noResponse } from "./attempt.ts";
import type { FaultSource } from "./faults.ts";
import type { Message } from "./model.ts";
import { createOutcome } from "./outcome.ts";
import type { Publisher } from "./publisher.ts";
import { fireSchedules } from "./scheduler.ts";
import type { KeyRing } from "./signing_keys.ts";
import type { Store } from "./store.ts";

export interface EngineOptions extends AttemptOptions {
  readonly store: Store;
  readonly publisher: Publisher;
  readonly faults: FaultSource;
  readonly keys: KeyRing;
  /** How many deliveries run at once. */
  readonly maxParallel: number;
  readonly logRetentionMs: number;
  readonly onError: (cause: unknown) => void;
  readonly after: After;
}

export interface Engine {
  /** Delivers whenever something is due, until `stop`. */
  start(): void;
  /** Something may be due earlier than before. */
  wake(): void;
  /** Delivers everything due now, and what becomes due by that without the clock moving. */
  step(): Promise<void>;
  /** Ends; deliveries under way are aborted and due again at the next start. */
  stop(): Promise<void>;
}

/** Clocks jump and timers have a longest time: the store is read at least this often. */
const maxPollMs = 60_000;
const deleteEveryMs = 3_600_000;
/** After a failure of the store its work is tried again after this. */
const retryAfterMs = 1_000;

/** The loop that delivers what is due, `maxParallel` at a time. */
export function createEngine(options: EngineOptions): Engine {
  const { store, publisher, faults, keys, now, after, maxParallel, onError, closed } = options;
  const settle = createOutcome({ store, publisher, faults, now });
  const underWay = new Set<Promise<void>>();
  let isRunning = false;
  let isFilling = false;
  let cancelNap = () => {};
  let deletedAt = -Infinity;

  async function deliver(message: Message): Promise<void> {
    try {
      const response = await attempt(message, keys.get().current, options);
      if (closed.aborted) return;
      const isLost = isSuccess(response) && faults.happens("lostAnswer");
      settle(message, isLost ? noResponse("the response was lost on purpose") : response);
    } catch (cause) {
      onError(cause);
      release(message);
    }
  }

  /**
   * Releases the claim on a message; without the retry on a full disk it would never be due again.
   */
  function release(message: Message): void {
    if (closed.aborted) return;
    try {
      store.messages.release(message.seq, now() + retryAfterMs);
      wake();
    } catch {
      after(retryAfterMs, () => release(message));
    }
  }

  function begin(message: Message): void {
    const run = deliver(message).catch(onError).finally(() => {
      underWay.delete(run);
      if (isRunning) wake();
    });
    underWay.add(run);
  }

  function fill(): void {
    deleteExpired();
    fireSchedules(store, publisher, now());
    const room = maxParallel - underWay.size;
    if (room > 0) { for (const message of claim(room)) begin(message); }
  }

  function claim(room: number): Message[] {
    return store.atomically(() => {
      const messages = store.messages.claim(now(), room);
      for (const message of messages) if (!message.copy) store.logs.add("ACTIVE", message);
      return messages;
    });
  }

  function deleteExpired(): void {
    if (now() - deletedAt < deleteEveryMs) return;
    deletedAt = now();
    store.logs.deleteBefore(now() - options.logRetentionMs);
    store.deduplications.deleteBefore(now());
  }

  /** Many wakes in one turn are one: a batch of completions claims its successors together. */
  function wake(): void {
    if (!isRunning || isFilling) return;
    isFilling = true;
    queueMicrotask(() => {
      isFilling = false;
      if (!isRunning) return;
      try {
        fill();
        nap();
      } catch (cause) {
        onError(cause);
        cancelNap = after(retryAfterMs, wake);
      }
    });
  }

  function nap(): void {
    cancelNap();
    // With no room, the next completion wakes.
    if (underWay.size >= maxParallel) return;
    const times = [store.messages.nextAt(), store.schedules.nextAt()];
    const due = Math.min(...times.map((time) => time ?? Infinity));
    cancelNap = after(Math.max(1, Math.min(maxPollMs, due - now())), wake);
  }

  return {
    start() {
      isRunning = true;
      wake();
    },
    wake,
    async step() {
      fill();
      while (underWay.size > 0) {
        await Promise.race(underWay);
        fill();
      }
    },
    async stop() {
      isRunning = false;
      cancelNap();
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
