import { internalHeaders } from "../context/internal_headers.ts";
import { Problem } from "../problem.ts";
import { createBulkhead, type Slot } from "./bulkhead.ts";
import { createCircuitBreaker, type Permit } from "./circuit_breaker.ts";
import { type ResilienceEffects, sleepUnlessAborted } from "./effects.ts";
import { type Policy, toBreakerPolicy } from "./policy.ts";
import { createRetry, isRepeatable, readRetryAfterMs } from "./retry.ts";
import { startTimeLimit } from "./time_limit.ts";
import { createInstrumentation } from "./instrumentation.ts";

/** A call to be made, with retries. */
export interface Call extends Pick<RequestInit, "method" | "body"> {
  /** Aborts when the caller disconnects or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller still waits; undefined without a deadline. */
  readonly remainingMs?: () => number | undefined;
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
   *   `upstream_timeout`; any Problem that `send` throws
   */
  run(call: Call, send: (attempt: Attempt) => Promise<Response>): Promise<Response>;
}

/** Dependencies of it. */
export interface ResilienceOptions extends ResilienceEffects {
  /** The dependency's name in metrics. */
  readonly name: string;
  /** Read at each call. */
  readonly policy: () => Policy;
}

/** How an attempt ended. */
type Ending =
  & { readonly again: boolean; readonly retryAfterMs?: number | undefined }
  & ({ readonly response: Response } | { readonly problem: Problem });

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
export function isFailure({ status, headers }: Response): boolean {
  return failures.has(status) && !headers.has(internalHeaders.faultElsewhere);
}

/** Creates the resilience of one dependency. */
export function createResilience(
  { name, policy, now, epochNow = Date.now, random, sleep = sleepUnlessAborted }: ResilienceOptions,
): Resilience {
  const instrumentation = createInstrumentation(name);
  const clock = now ? { now } : {};
  const breaker = createCircuitBreaker({
    policy: () => toBreakerPolicy(policy()),
    onTransition: instrumentation.transition,
    ...clock,
  });
  const bulkhead = createBulkhead({ maxConcurrent: () => policy().maxConcurrent, ...clock });
  const retry = createRetry({ policy: () => policy().retry, ...(random ? { random } : {}) });

  function admit(): Admission | Problem {
    const slot = bulkhead.enter();
    if (!slot) return refuse("bulkhead", 0);
    const permit = breaker.acquire();
    if (permit.allowed) return { permit, slot };
    slot.release();
    return refuse("breaker", permit.retryAfterMs);
  }

  function refuse(reason: "breaker" | "bulkhead", retryAfterMs: number): Problem {
    instrumentation.refused(reason);
    const headers = { "retry-after": toRetryAfter(retryAfterMs) };
    const cause = new Error(`Call of ${name} is refused by its ${reason}`);
    return new Problem("upstream_unavailable", { headers, cause });
  }

  async function attempt(
    call: Call,
    { permit, slot }: Admission,
    make: (limit: Omit<Attempt, "number">) => Promise<Response>,
  ): Promise<Ending> {
    const { timeoutMs } = policy();
    const remainingMs = call.remainingMs?.() ?? timeoutMs;
    const limitMs = Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs)));
    const limit = startTimeLimit(limitMs, call.signal);
    const pending = make({ signal: limit.signal, limitMs });
    try {
      const ending = toEnding(await Promise.race([pending, limit.passed]), epochNow());
      if (ending.failed) permit.fail();
      else permit.succeed();
      return ending;
    } catch (cause) {
      // An upstream that ignores its signal may still respond, and its body would never be read.
      pending.then((late) => late.body?.cancel()).catch(() => {});
      const isOver = limit.hasPassed() || isTimeout(call.signal);
      // Otherwise callers with short deadlines could open the breaker of a healthy dependency for
      // all others: only the dependency's own time limit is evidence against it.
      const isOurLimit = limit.hasPassed() && remainingMs >= timeoutMs;
      if ((isOver || call.signal.aborted) && !isOurLimit) permit.cancel();
      else permit.fail();
      return { problem: toProblem(cause, isOver), again: !call.signal.aborted };
    } finally {
      limit.stop();
      slot.release();
    }
  }

  return {
    async run(call, send) {
      retry.begin();
      let admission = admit();
      if (admission instanceof Problem) throw admission;
      let ending: Ending;
      for (let number = 1;; number++) {
        ending = await attempt(call, admission, async (limit) => await send({ number, ...limit }));
        if (!ending.again || call.signal.aborted || !isRepeatable(call)) break;
        const { retryAfterMs } = ending;
        const delayMs = retry.next({
          attempt: number,
          retryAfterMs,
          remainingMs: call.remainingMs?.(),
        });
        if (delayMs === undefined) break;
        await sleep(delayMs, call.signal).catch(() => {});
        admission = call.signal.aborted ? toProblem(call.signal.reason, false) : admit();
        // The first attempt's outcome tells the caller more than the refusal of the second.
        if (admission instanceof Problem) break;
        if ("response" in ending) await ending.response.body?.cancel();
        instrumentation.retried();
      }
      if ("problem" in ending) throw ending.problem;
      return ending.response;
    },
  };
}

function toEnding(response: Response, epochMs: number): Ending & { readonly failed: boolean } {
  const failed = isFailure(response);
  return {
    response,
    failed,
    again: failed,
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
export function toRetryAfter(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1000)));
}
