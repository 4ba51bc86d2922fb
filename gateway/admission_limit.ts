/** Lets as many requests be decided at a time as can be decided in time. */
export interface AdmissionLimit {
  /**
   * A turn, whose end is told by calling it, once or more often; at once or in a moment, in the order
   * in which they came. Undefined where turns have been waited for too long already.
   */
  enter(): Slot | Promise<Slot> | undefined;
}

/** Ends a turn. */
export type Slot = () => void;

export interface AdmissionLimitOptions {
  /** What a decision may take, in milliseconds. */
  readonly budgetMs: number;
  /** Milliseconds of a processor that this instance has used so far. */
  readonly processorMs: () => number;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** To begin with, and at least: so few are never too many. */
const least = 32;
const most = 1_024;
/** Who comes next is refused; at a thousand a second the last of them waits for a quarter of one. */
const maxQueued = 256;
/** When the first of them has waited for so long nobody joins them, in milliseconds. */
const mostPatienceMs = 500;
/** Who uses less of a processor waits for others; in between, others may use it, too. */
const idleRatio = 0.3;
/** Who uses so much of it has too much to do. */
const busyShare = 0.5;
/** How often that is looked at, in milliseconds. */
const sampleMs = 100;
/** For so long the quickest decision is remembered, in milliseconds. */
const rememberMs = 5_000;

/**
 * Makes a limit that finds itself: it grows while it is felt and decisions take what they take at
 * best and hardly more, and falls by a third when one takes a quarter of the budget longer while the
 * instance is busy (additive increase, multiplicative decrease). Who comes too much waits for a turn,
 * for a moment that is none of the budget's; who comes when too many wait, or too long, is refused.
 *
 * A far Redis lowers nothing, nor does one that hangs: the instance is idle then, and grows instead.
 */
export function createAdmissionLimit(
  { budgetMs, processorMs, now = () => performance.now() }: AdmissionLimitOptions,
): AdmissionLimit {
  const slackMs = budgetMs / 4;
  const queue = createQueue();
  const quickest = createMinimum(now);
  const processorShare = createShare(processorMs, now);
  let limit = least;
  let running = 0;
  let loweredAt = Number.NEGATIVE_INFINITY;

  function observeVersion(beganAt: number, isFelt: boolean): void {
    const at = now();
    const tookMs = at - beganAt;
    const share = processorShare();
    if (tookMs - quickest(tookMs) <= slackMs || share < idleRatio) {
      // Fast up to what was found to be too much, slowly beyond.
      if (isFelt) limit = Math.min(most, limit + (loweredAt < 0 ? 1 : 4 / limit));
      return;
    }
    // Who came before the limit fell was slow because of what had been let in by then.
    if (beganAt < loweredAt || share < busyShare) return;
    limit = Math.max(least, limit * 2 / 3);
    loweredAt = at;
  }

  function begin(): Slot {
    running++;
    const beganAt = now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      observeVersion(beganAt, running-- >= limit || queue.length() > 0);
      while (running < limit && queue.length() > 0) queue.next(begin());
    };
  }

  return {
    enter() {
      if (running < limit) return begin();
      if (queue.length() >= maxQueued || now() - queue.since() > mostPatienceMs) return undefined;
      return queue.join(now());
    },
  };
}

/** Those who wait for a turn, first come, first served. */
function createQueue() {
  let waiting: { readonly since: number; readonly resolve: (slot: Slot) => void }[] = [];
  let gone = 0;
  return {
    length: () => waiting.length - gone,
    /** Since when the first waits; never, where nobody does. */
    since: () => waiting[gone]?.since ?? Number.POSITIVE_INFINITY,
    join(since: number): Promise<Slot> {
      const { promise, resolve } = Promise.withResolvers<Slot>();
      waiting.push({ since, resolve });
      return promise;
    },
    next(slot: Slot): void {
      waiting[gone++]?.resolve(slot);
      if (gone < maxQueued) return;
      waiting = waiting.slice(gone);
      gone = 0;
    },
  };
}

/** The share of a processor that the instance has used lately. */
function createShare(processorMs: () => number, now: () => number): () => number {
  let [sinceMs, usedMs] = [now(), processorMs()];
  let share = 0;
  return () => {
    const passedMs = now() - sinceMs;
    if (passedMs < sampleMs) return share;
    const used = processorMs();
    share = (used - usedMs) / passedMs;
    [sinceMs, usedMs] = [now(), used];
    return share;
  };
}

/** The least of what was told in this time and the one before. */
function createMinimum(now: () => number): (value: number) => number {
  let [before, current] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let since = now();
  return (value) => {
    if (now() - since > rememberMs) {
      [before, current, since] = [current, value, now()];
    }
    current = Math.min(current, value);
    return Math.min(before, current);
  };
}
