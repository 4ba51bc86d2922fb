import { internalHeaders } from "@edgepass/shared/internal-headers";
import { Problem } from "@edgepass/shared/problem";
import {
  defaultPolicies,
  isFailure,
  isRepeatable,
  type Permit,
  type Policies,
  type ResilienceEffects,
  sleepUnlessAborted,
} from "@edgepass/shared/resilience";
import { sentOnce, type Upstream } from "@edgepass/shared/upstream";
import type { LimitedBody } from "./request_body.ts";
import type { HeaderPairs } from "./request_headers.ts";
import { isTruncation } from "./response_head.ts";
import type { CheckedRoute } from "./routes.ts";
import type { Target } from "./target.ts";
import { createUpstreamGuard, type UpstreamGuard } from "./upstream_guard.ts";

export interface ForwardOptions {
  /** How each upstream is called, by its name; the time limit is the route's instead. */
  readonly policies?: Policies;
  /** The longest `timeoutMs` of an upstream's routes, by its name, at the moment. */
  readonly longestTimeoutMs?: (upstream: string) => number | undefined;
  readonly effects?: ResilienceEffects;
  /** The names of the upstreams there are now; without it there are never any others. */
  readonly upstreams?: () => ReadonlySet<string>;
}

/** One authorised request, ready to be sent. */
export interface Outgoing {
  readonly route: CheckedRoute;
  readonly target: Target;
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly body: LimitedBody;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/**
 * Sends a request to its upstream and lets `receive` make the client's answer, both within the
 * route's limit of time. A body that streams on has no limit.
 *
 * @throws {Problem} `upstream_unavailable`, `upstream_timeout`, `upstream_bad_response`, what the
 * request's body was refused for, or what `receive` throws
 */
export type Forward = (
  outgoing: Outgoing,
  receive: (response: Response) => Promise<Response>,
) => Promise<Response>;

/** Makes the forwarder; it knows each upstream's health as this instance sees it. */
export function createForward(
  { policies = defaultPolicies, longestTimeoutMs = () => undefined, effects = {}, upstreams }:
    ForwardOptions = {},
): Forward {
  const { now = () => performance.now(), sleep = sleepUnlessAborted } = effects;
  // By name: a route table that changes while it runs names the same upstreams anew.
  const guards = new Map<string, UpstreamGuard>();

  function guardOf(name: string): UpstreamGuard {
    const known = guards.get(name);
    if (known) return known;
    // Each version of the configuration may name others, so those that are gone must not pile up.
    const present = upstreams?.();
    for (const other of guards.keys()) if (present?.has(other) === false) guards.delete(other);
    const guard = createUpstreamGuard(name, {
      policy: () => policies(name),
      longestTimeoutMs: () => longestTimeoutMs(name),
    }, effects);
    guards.set(name, guard);
    return guard;
  }

  return async function forward(outgoing, receive) {
    const { upstream, timeoutMs } = outgoing.route;
    const guard = guardOf(upstream.name);
    const place = guard.enter();
    const abort = abortWith(outgoing.signal);
    const limit = startLimit(timeoutMs, outgoing.body);
    const endsAt = now() + timeoutMs;
    const sending: Sending = {
      outgoing,
      guard,
      signal: abort.signal,
      remainingMs: () => endsAt - now(),
      sleep,
    };
    /** Until a response begins there is none. */
    let failed = true;
    try {
      const answered = sendUntilAnswered(sending).then((response) => {
        failed = isFailure(response);
        return receive(response);
      });
      // Not every upstream heeds its signal.
      const answer = await Promise.race([answered, limit.passed]);
      settle(sending.permit, failed);
      return answer;
    } catch (error) {
      abort.abort();
      // What a cut body makes of the call is not the upstream's fault, nor is a client that leaves.
      const refusal = outgoing.body.refusal();
      if (refusal || outgoing.signal.aborted) sending.permit?.cancel();
      // A response that the gateway can make nothing of is one. Else whoever finds a path with such
      // a response, anonymous or not, could shut the whole upstream for everybody.
      else settle(sending.permit, failed || limit.isOver() || isTruncation(error));
      throw refusal ?? error;
    } finally {
      limit.stop();
      place.leave();
    }
  };
}

function settle(permit: Permit | undefined, failed: boolean): void {
  if (failed) permit?.fail();
  else permit?.succeed();
}

/** A request on its way. */
interface Sending extends Required<Pick<ResilienceEffects, "sleep">> {
  readonly outgoing: Outgoing;
  readonly guard: UpstreamGuard;
  readonly signal: AbortSignal;
  /** Of the route's time, in milliseconds. */
  readonly remainingMs: () => number;
  /** Of the attempt under way. */
  permit?: Permit;
}

/**
 * What got no answer at all is sent again, where it may be. An answer is handed on, whatever it says:
 * services try their own dependencies again, and two layers that do would multiply.
 */
async function sendUntilAnswered(sending: Sending): Promise<Response> {
  const { outgoing, guard, signal, remainingMs, sleep } = sending;
  const { method, body: { content: body } } = outgoing;
  sending.permit = guard.acquire(!(body instanceof ReadableStream));
  guard.retry.begin();
  for (let attempt = 1;; attempt++) {
    try {
      return await call(sending, attempt);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      if (signal.aborted || body !== null || !isRepeatable({ method })) throw error.problem;
      sending.permit.fail();
      const delayMs = guard.retry.next({ attempt, remainingMs: remainingMs() });
      if (delayMs === undefined) throw error.problem;
      await sleep(delayMs, signal).catch(() => {
        throw error.problem;
      });
      const permit = guard.tryAgain();
      if (!permit) throw error.problem;
      sending.permit = permit;
    }
  }
}

/** A client that leaves takes its call along, also while the answer streams. */
function abortWith(signal: AbortSignal): AbortController {
  const abort = new AbortController();
  const leave = (): void => abort.abort(signal.reason);
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return abort;
}

interface Limit {
  /** Rejects when the time is over; never resolves. */
  readonly passed: Promise<never>;
  /** Whether it is. */
  isOver(): boolean;
  stop(): void;
}

/** The upstream's time runs from the last part of the body, and not while the client owes the next. */
function startLimit(timeoutMs: number, body: LimitedBody): Limit {
  const { promise, reject } = Promise.withResolvers<never>();
  let over = false;
  const end = (): void => {
    if (body.isAwaited()) return;
    over = true;
    reject(new Problem("upstream_timeout"));
  };
  let timer = setTimeout(end, timeoutMs);
  let stopped = false;
  body.onPart(() => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(end, timeoutMs);
  });
  return {
    passed: promise,
    isOver: () => over,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function call(
  { outgoing, signal, remainingMs }: Sending,
  attempt: number,
): Promise<Response> {
  const { route: { upstream }, target, method, headers, body } = outgoing;
  const { content } = body;
  const init = {
    method,
    headers: attempt === 1 ? headers : withDeadline(headers, remainingMs()),
    signal,
    ...(content === null ? {} : { body: content }),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  };
  const response = await reach(upstream, target.pathAndQuery, sentOnce(init));
  const refusal = body.refusal();
  // A status outside of 200 to 599 is no final answer; `Response.error()` has status 0.
  if (!refusal && response.status >= 200 && response.status <= 599) return response;
  await response.body?.cancel();
  throw refusal ?? new Problem("upstream_bad_response");
}

/** What an earlier attempt took of the time is gone. */
function withDeadline(headers: HeaderPairs, remainingMs: number): HeaderPairs {
  const left = String(Math.max(1, Math.floor(remainingMs)));
  return headers.map(([name, value]) => [name, name === internalHeaders.deadline ? left : value]);
}

/** No byte of an answer came. */
class Unanswered extends Error {
  override readonly name = "Unanswered";
  /** What the client hears. */
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

async function reach(upstream: Upstream, target: string, init: RequestInit): Promise<Response> {
  try {
    return await upstream.fetch(target, init);
  } catch (cause) {
    const code = isUnreachable(cause) ? "upstream_unavailable" : "upstream_bad_response";
    throw new Unanswered(new Problem(code, { cause }));
  }
}

/** Where the runtime says that no connection was made; else the upstream may have begun to answer. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}
