import { isProbe, type Logger, newTrace, type Telemetry } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import { readPath } from "./request/target.ts";
import { wantsProblem } from "./request/headers.ts";
import { refusalResponse } from "./response/failure.ts";
import { setCommonHeaders } from "./response/envelope.ts";

/** Refusals are reported once in this time, in milliseconds. */
const reportEveryMs = 1_000;

/** How an instance without a load balancer in front of it detects overload. */
export interface Admission {
  /** Longest acceptable time of a decision, in milliseconds. */
  readonly budgetMs: number;
  /** Milliseconds of a processor that this instance has used so far. */
  readonly processorMs: () => number;
}

/** What the admission of requests needs. */
export interface AdmissionOptions extends Admission {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Whether the public origin is https. */
  readonly secure: boolean;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** Serves a request, or refuses it; `serve` calls `decided` once the policy decision is made. */
export type Admit = (
  request: Request,
  serve: (decided: Slot | undefined) => Response | Promise<Response>,
) => Response | Promise<Response>;

/**
 * Refuses requests at once while the instance is overloaded; probes are always served.
 *
 * It runs before everything else, and a refusal has neither a span nor a log line of its own: load
 * shedding helps only while a refusal costs much less than a response.
 */
export function createAdmission(options: AdmissionOptions): Admit {
  const limit = createAdmissionLimit(options);
  const refuse = createRefusal(options);

  async function serveInSlot(
    entered: Slot | Promise<Slot>,
    serve: Parameters<Admit>[1],
  ): Promise<Response> {
    const decided = typeof entered === "function" ? entered : await entered;
    try {
      return await serve(decided);
    } finally {
      decided();
    }
  }

  return function admit(request, serve) {
    if (isProbe(readPath(request.url))) return serve(undefined);
    const entered = limit.enter();
    return entered ? serveInSlot(entered, serve) : refuse(request);
  };
}

function createRefusal(
  { log, telemetry, secure }: AdmissionOptions,
): (request: Request) => Response {
  const problem = new Problem("upstream_unavailable", { detail: "Too much to do at present" });
  let refused = 0;

  function report(): void {
    log.warn("Requests were refused: the gateway is overloaded", { refused });
    telemetry.metrics.add("edgepass.gateway.refusals", { "error.type": problem.code }, refused);
    refused = 0;
  }

  return function refuse(request) {
    if (refused++ === 0) setTimeout(report, reportEveryMs);
    const { traceId } = newTrace();
    const response = refusalResponse(problem, { traceId, asProblem: wantsProblem(request) });
    setCommonHeaders(response.headers, { traceId, secure });
    return response;
  };
}

/** Limits how many requests are decided at a time to what the instance can decide in time. */
export interface AdmissionLimit {
  /**
   * A slot, at once or after a short wait, in the order of arrival. Calling the slot releases it;
   * further calls have no effect. Undefined when the queue is full or its first entry waits too
   * long.
   */
  enter(): Slot | Promise<Slot> | undefined;
}

/** Releases a slot. */
export type Slot = () => void;

export interface AdmissionLimitOptions {
  /** Longest acceptable time of a decision, in milliseconds. */
  readonly budgetMs: number;
  /** Milliseconds of a processor that this instance has used so far. */
  readonly processorMs: () => number;
  /** Milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** The initial and the smallest limit: so few requests never overload an instance. */
const minLimit = 32;
const maxLimit = 1_024;
/** Further requests are refused; at a thousand a second the last one in the queue waits 250 ms. */
const maxQueued = 256;
/** Once the first request in the queue has waited for so long no other joins, in milliseconds. */
const maxQueueMs = 500;
/**
 * Below this share of a processor the instance waits for dependencies, not for its own processor.
 */
const idleRatio = 0.3;
/** From this share on slow decisions are the instance's own overload. */
const busyRatio = 0.5;
/** How often the share is measured, in milliseconds. */
const sampleMs = 100;
/** How long the quickest decision stays the baseline, in milliseconds. */
const baselineMs = 5_000;

/**
 * Makes an adaptive limit (additive increase, multiplicative decrease). It grows while it is
 * reached and decisions take hardly longer than the quickest one. It falls by a third when a
 * decision takes a quarter of the budget longer than that while the instance is busy. A request
 * above the limit waits for a slot, and that wait does not count against the budget; it is refused
 * when too many wait, or for too long.
 *
 * A slow or hanging Redis does not lower the limit: the processor is idle then, and the limit
 * grows.
 */
export function createAdmissionLimit(
  { budgetMs, processorMs, now = () => performance.now() }: AdmissionLimitOptions,
): AdmissionLimit {
  const slackMs = budgetMs / 4;
  const queue = createQueue();
  const quickest = createMinimum(now);
  const processorShare = createShare(processorMs, now);
  let limit = minLimit;
  let running = 0;
  let loweredAt = Number.NEGATIVE_INFINITY;

  function adjust(beganAt: number, isReached: boolean): void {
    const at = now();
    const tookMs = at - beganAt;
    const share = processorShare();
    if (tookMs - quickest(tookMs) <= slackMs || share < idleRatio) {
      // Fast until the limit was lowered for the first time, slowly after that.
      if (isReached) limit = Math.min(maxLimit, limit + (loweredAt < 0 ? 1 : 4 / limit));
      return;
    }
    // Requests from before the last decrease were slow because of the load admitted by then.
    if (beganAt < loweredAt || share < busyRatio) return;
    limit = Math.max(minLimit, limit * 2 / 3);
    loweredAt = at;
  }

  function begin(): Slot {
    running++;
    const beganAt = now();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      adjust(beganAt, running-- >= limit || queue.length() > 0);
      while (running < limit && queue.length() > 0) queue.next(begin());
    };
  }

  return {
    enter() {
      if (running < limit) return begin();
      if (queue.length() >= maxQueued || now() - queue.since() > maxQueueMs) return undefined;
      return queue.join(now());
    },
  };
}

/** The requests that wait for a slot, first come, first served. */
function createQueue() {
  let waiting: { readonly since: number; readonly resolve: (slot: Slot) => void }[] = [];
  let gone = 0;
  return {
    length: () => waiting.length - gone,
    /** Since when the first one waits; infinity for an empty queue. */
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

/** The share of a processor that the instance used in the last sample. */
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

/** The smallest value of this period and the one before. */
function createMinimum(now: () => number): (value: number) => number {
  let [before, current] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let since = now();
  return (value) => {
    if (now() - since > baselineMs) {
      [before, current, since] = [current, value, now()];
    }
    current = Math.min(current, value);
    return Math.min(before, current);
  };
}
