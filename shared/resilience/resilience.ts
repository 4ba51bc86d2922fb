import { currentContext, internalHeaders } from "../context/request_context.ts";
import { count } from "../context/measure.ts";
import { Problem } from "../problem.ts";
import {
  createBulkhead,
  createRetry,
  isRepeatable,
  readRetryAfterMs,
  sleepUnlessAborted,
  type Slot,
  startTimeLimit,
  type Upload,
} from "./limits.ts";
import { type BreakerState, createCircuitBreaker, type Permit } from "./circuit_breaker.ts";
import {
  type BreakerPolicy,
  type Policy,
  type ResilienceEffects,
  toBreakerPolicy,
} from "./policy.ts";

/** A call to be made, with retries. */
export interface Call extends Pick<RequestInit, "method" | "body"> {
  /** Aborts when the caller disconnects or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller still waits; undefined without a deadline. */
  readonly remainingMs?: () => number | undefined;
  /** Whether `remainingMs` counts down the dependency's own time limit, and no caller's deadline. */
  readonly isOwnCountdown?: boolean;
  /** The dependency's own time limit for this call, in milliseconds; the policy's by default. */
  readonly timeoutMs?: number;
  /** The body, where it arrives while it is sent. */
  readonly upload?: Upload;
  /** Whether no second attempt is made, whatever the method. */
  readonly isSentOnce?: boolean;
  /**
   * Makes the caller's response of the dependency's, in the same slot and within the same limits.
   * With it any response is final: the layer above retries, and two layers would multiply.
   */
  readonly receive?: (response: Response) => Promise<Response>;
  /**
   * Whether an error of `receive` is the dependency's failure. Otherwise it has succeeded: a caller
   * who finds one response that cannot be used must not open the breaker for all others.
   */
  readonly isFault?: (error: unknown) => boolean;
}

/** One attempt of a call. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** Ends the attempt when its time is over or its caller has left. */
  readonly signal: AbortSignal;
  /** Whole milliseconds, at least one, after which its response is ignored. */
  readonly limitMs: number;
}

/** Breaker, bulkhead, time limit and retry of one dependency, in one isolate. */
export interface Resilience {
  /**
   * Makes a call by `send`, which runs again for each attempt, so that each carries its own
   * Passport, span and remaining time.
   *
   * @throws {Problem} `upstream_unavailable`, with `Retry-After` when the call was refused unsent;
   *   `upstream_timeout`; any Problem that `send` throws, what `receive` throws, and the refusal of
   *   the upload
   */
  run(call: Call, send: (attempt: Attempt) => Promise<Response>): Promise<Response>;
}

/** Dependencies of it. */
export interface ResilienceOptions extends ResilienceEffects {
  /** The dependency's name in metrics. */
  readonly name: string;
  /** Read at each call. */
  readonly policy: () => Policy;
  /**
   * The longest time limit of its calls, where they have limits of their own. No call within it is
   * slow, whatever the policy says: otherwise one call that is slow by nature, such as a report or a
   * long poll, would open the breaker for all others.
   */
  readonly longestTimeoutMs?: () => number;
}

/** How an attempt ended. */
type Ending =
  & { readonly again: boolean; readonly retryAfterMs?: number | undefined }
  & ({ readonly response: Response } | { readonly failure: unknown });

/** A call's place in the bulkhead, and its breaker's permit. */
interface Admission {
  readonly permit: Permit;
  readonly slot: Slot;
}

const failures: ReadonlySet<number> = new Set([502, 503, 504]);

/**
 * Whether a response means that the responding service has failed. Refusals, 429 among them, are
 * its normal work. A service that reports a fault elsewhere has retried there already, or sheds
 * load.
 *
 * 500 is not a failure here: a service whose program fails on one input is healthy, and an attacker
 * who finds that input must not open the breaker for all other callers.
 */
function isFailure({ status, headers }: Response): boolean {
  return failures.has(status) && !headers.has(internalHeaders.faultElsewhere);
}

/** Creates the resilience of one dependency. */
export function createResilience(options: ResilienceOptions): Resilience {
  const { name, policy, epochNow = Date.now, random, sleep = sleepUnlessAborted } = options;
  const instrumentation = createInstrumentation(name);
  const admit = createGate(options, instrumentation);
  const retry = createRetry({ policy: () => policy().retry, ...(random ? { random } : {}) });

  return {
    async run(call, send) {
      let admission = admit(call);
      if (admission instanceof Problem) throw admission;
      retry.begin();
      let ending: Ending;
      for (let number = 1;; number++) {
        const { timeoutMs = policy().timeoutMs } = call;
        const remainingMs = call.remainingMs?.() ?? timeoutMs;
        const times = { number, timeoutMs, remainingMs, epochNow };
        ending = await attempt(call, admission, times, send);
        if (!ending.again || call.signal.aborted || call.isSentOnce || !isRepeatable(call)) break;
        const delayMs = retry.next({
          attempt: number,
          retryAfterMs: ending.retryAfterMs,
          remainingMs: call.remainingMs?.(),
        });
        if (delayMs === undefined) break;
        await sleep(delayMs, call.signal).catch(() => {});
        admission = call.signal.aborted ? toProblem(call.signal.reason, false) : admit(call);
        // The first attempt's outcome tells the caller more than the refusal of the second.
        if (admission instanceof Problem) break;
        if ("response" in ending) await ending.response.body?.cancel();
        instrumentation.retried();
      }
      if ("failure" in ending) throw ending.failure;
      return ending.response;
    },
  };
}

/** Creates what admits calls: a slot of the bulkhead, then a permit of the breaker. */
function createGate(
  { name, policy, longestTimeoutMs, now }: ResilienceOptions,
  instrumentation: Instrumentation,
): (call: Call) => Admission | Problem {
  const clock = now ? { now } : {};
  const breaker = createCircuitBreaker({
    policy: () => breakerPolicyOf(policy(), longestTimeoutMs?.()),
    onTransition: instrumentation.transition,
    ...clock,
  });
  const bulkhead = createBulkhead({ maxConcurrent: () => policy().maxConcurrent, ...clock });

  function refuse(reason: "breaker" | "bulkhead", retryAfterMs: number): Problem {
    instrumentation.refused(reason);
    const headers = { "retry-after": toRetryAfter(retryAfterMs) };
    const cause = new Error(`Call of ${name} is refused by its ${reason}`);
    return new Problem("upstream_unavailable", { headers, cause });
  }

  return function admit({ body }) {
    const slot = bulkhead.enter();
    if (!slot) return refuse("bulkhead", 0);
    // The duration of a streamed upload does not measure the dependency alone.
    const permit = breaker.acquire({ timed: !(body instanceof ReadableStream) });
    if (permit.allowed) return { permit, slot };
    slot.release();
    return refuse("breaker", permit.retryAfterMs);
  };
}

function breakerPolicyOf(policy: Policy, longestTimeoutMs: number | undefined): BreakerPolicy {
  const current = toBreakerPolicy(policy, longestTimeoutMs);
  if (longestTimeoutMs === undefined || current.slowCallMs >= longestTimeoutMs) return current;
  return { ...current, slowCallMs: longestTimeoutMs };
}

/** Makes one attempt in its slot, and reports its outcome to the breaker. */
async function attempt(
  call: Call,
  { permit, slot }: Admission,
  { number, timeoutMs, remainingMs, epochNow }: {
    readonly number: number;
    readonly timeoutMs: number;
    readonly remainingMs: number;
    readonly epochNow: () => number;
  },
  send: (attempt: Attempt) => Promise<Response>,
): Promise<Ending> {
  const { receive, upload } = call;
  const limitMs = Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs)));
  // At once: an upstream that ignores its signal would still fail later, at the time limit.
  const limit = startTimeLimit(limitMs, call.signal, { upload, onLeave: permit.cancel });
  /** An attempt has failed until a response begins. */
  let hasBegun = false;
  let hasFailed = true;
  async function exchange(): Promise<Response> {
    const response = await send({ number, signal: limit.signal, limitMs });
    hasBegun = true;
    hasFailed = isFailure(response);
    return receive ? await receive(response) : response;
  }
  const pending = exchange();
  try {
    const response = await Promise.race([pending, limit.passed]);
    if (hasFailed) permit.fail();
    else permit.succeed();
    return receive ? { response, again: false } : toEnding(response, hasFailed, epochNow());
  } catch (cause) {
    limit.abort();
    // An upstream that ignores its signal may still respond, and its body would never be read.
    pending.then((late) => late.body?.cancel()).catch(() => {});
    const isOver = limit.hasPassed() || isTimeout(call.signal);
    // Otherwise callers with short deadlines could open the breaker of a healthy dependency for
    // all others: only the dependency's own time limit is evidence against it.
    const isOwnLimit = limit.hasPassed() && (call.isOwnCountdown || remainingMs >= timeoutMs);
    const refusal = upload?.refusal();
    if (refusal || ((isOver || call.signal.aborted) && !isOwnLimit)) permit.cancel();
    else if (isOwnLimit || hasFailed || call.isFault?.(cause)) permit.fail();
    else permit.succeed();
    const failure = hasBegun && !isOver ? cause : toProblem(cause, isOver);
    return { failure: refusal ?? failure, again: !hasBegun && !call.signal.aborted };
  } finally {
    limit.stop();
    slot.release();
  }
}

function toEnding(response: Response, again: boolean, epochMs: number): Ending {
  return {
    response,
    again,
    retryAfterMs: readRetryAfterMs(response.headers.get("retry-after"), epochMs),
  };
}

function toProblem(cause: unknown, isOver: boolean): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem(isOver ? "upstream_timeout" : "upstream_unavailable", { cause });
}

/** A deadline also ends by a signal. */
function isTimeout({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof DOMException && reason.name === "TimeoutError";
}

/** Whole seconds, at least one (RFC 9110 §10.2.3). */
function toRetryAfter(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}

/** Counts the events of one dependency's calls, in the context of the calling request. */
export interface Instrumentation {
  /** The breaker changed its state. */
  transition(to: BreakerState, from: BreakerState): void;
  /** A call was refused before it was sent. */
  refused(reason: "breaker" | "bulkhead"): void;
  /** A call is retried. */
  retried(): void;
}

/** Creates the instrumentation of a dependency. */
export function createInstrumentation(dependency: string): Instrumentation {
  // The metrics that counted a breaker as open also count it as closed, whichever request closes
  // it.
  let close: (() => void) | undefined;
  const labels = () => ({
    "edgepass.service": currentContext()?.service,
    "edgepass.peer": dependency,
  });
  return {
    transition(to, from) {
      const attributes = labels();
      count("edgepass.breaker.transitions", { ...attributes, "edgepass.breaker.state": to });
      const metrics = currentContext()?.telemetry?.metrics;
      if (from === "closed") {
        metrics?.move("edgepass.breaker.open", attributes, 1);
        close = () => metrics?.move("edgepass.breaker.open", attributes, -1);
      } else if (to === "closed") {
        close?.();
        close = undefined;
      }
    },
    refused: (reason) =>
      count("edgepass.resilience.refusals", { ...labels(), "edgepass.reason": reason }),
    retried: () => count("edgepass.resilience.retries", labels()),
  };
}
