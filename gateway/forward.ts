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
import { createUpstreamLimits, type UpstreamLimits } from "./upstream_limits.ts";

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
export interface UpstreamRequest {
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
  upstreamRequest: UpstreamRequest,
  receive: (response: Response) => Promise<Response>,
) => Promise<Response>;

/** Makes the forwarder; it knows each upstream's health as this instance sees it. */
export function createForward(
  { policies = defaultPolicies, longestTimeoutMs = () => undefined, effects = {}, upstreams }:
    ForwardOptions = {},
): Forward {
  const { now = () => performance.now(), sleep = sleepUnlessAborted } = effects;
  // By name: a route table that changes while it runs names the same upstreams anew.
  const guards = new Map<string, UpstreamLimits>();

  function guardOf(name: string): UpstreamLimits {
    const known = guards.get(name);
    if (known) return known;
    // Each version of the configuration may name others, so those that are gone must not pile up.
    const present = upstreams?.();
    for (const other of guards.keys()) if (present?.has(other) === false) guards.delete(other);
    const limits = createUpstreamLimits(name, {
      policy: () => policies(name),
      longestTimeoutMs: () => longestTimeoutMs(name),
    }, effects);
    guards.set(name, limits);
    return limits;
  }

  return async function forward(upstreamRequest, receive) {
    const { upstream, timeoutMs } = upstreamRequest.route;
    const limits = guardOf(upstream.name);
    const slot = limits.enter();
    const abort = abortWith(upstreamRequest.signal);
    const limit = startLimit(timeoutMs, upstreamRequest.body);
    const endsAt = now() + timeoutMs;
    const exchange: Attempt = {
      upstreamRequest,
      limits,
      signal: abort.signal,
      remainingMs: () => endsAt - now(),
      sleep,
    };
    /** Until a response begins there is none. */
    let failed = true;
    try {
      const answered = sendWithRetry(exchange).then((response) => {
        failed = isFailure(response);
        return receive(response);
      });
      // Not every upstream heeds its signal.
      const answer = await Promise.race([answered, limit.passed]);
      settle(exchange.permit, failed);
      return answer;
    } catch (error) {
      abort.abort();
      // What a cut body makes of the call is not the upstream's fault, nor is a client that leaves.
      const refusal = upstreamRequest.body.refusal();
      if (refusal || upstreamRequest.signal.aborted) exchange.permit?.cancel();
      // A response that the gateway can make nothing of is one. Else whoever finds a path with such
      // a response, anonymous or not, could shut the whole upstream for everybody.
      else settle(exchange.permit, failed || limit.isOver() || isTruncation(error));
      throw refusal ?? error;
    } finally {
      limit.stop();
      slot.release();
    }
  };
}

function settle(permit: Permit | undefined, failed: boolean): void {
  if (failed) permit?.fail();
  else permit?.succeed();
}

/** A request on its way. */
interface Attempt extends Required<Pick<ResilienceEffects, "sleep">> {
  readonly upstreamRequest: UpstreamRequest;
  readonly limits: UpstreamLimits;
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
async function sendWithRetry(exchange: Attempt): Promise<Response> {
  const { upstreamRequest, limits, signal, remainingMs, sleep } = exchange;
  const { method, body: { content: body } } = upstreamRequest;
  exchange.permit = limits.acquire(!(body instanceof ReadableStream));
  limits.retry.begin();
  for (let attempt = 1;; attempt++) {
    try {
      return await call(exchange, attempt);
    } catch (error) {
      if (!(error instanceof NoResponseError)) throw error;
      if (signal.aborted || body !== null || !isRepeatable({ method })) throw error.problem;
      exchange.permit.fail();
      const delayMs = limits.retry.next({ attempt, remainingMs: remainingMs() });
      if (delayMs === undefined) throw error.problem;
      await sleep(delayMs, signal).catch(() => {
        throw error.problem;
      });
      const permit = limits.tryAgain();
      if (!permit) throw error.problem;
      exchange.permit = permit;
    }
  }
}

/** A client that leaves takes its call along, also while the answer streams. */
function abortWith(signal: AbortSignal): AbortController {
  const abort = new AbortController();
  const release = (): void => abort.abort(signal.reason);
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
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
  { upstreamRequest, signal, remainingMs }: Attempt,
  attempt: number,
): Promise<Response> {
  const { route: { upstream }, target, method, headers, body } = upstreamRequest;
  const { content } = body;
  const init = {
    method,
    headers: attempt === 1 ? headers : withDeadline(headers, remainingMs()),
    signal,
    ...(content === null ? {} : { body: content }),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  };
  const response = await send(upstream, target.pathAndQuery, sentOnce(init));
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
class NoResponseError extends Error {
  override readonly name = "Unanswered";
  /** What the client hears. */
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

async function send(upstream: Upstream, target: string, init: RequestInit): Promise<Response> {
  try {
    return await upstream.fetch(target, init);
  } catch (cause) {
    const code = isUnreachable(cause) ? "upstream_unavailable" : "upstream_bad_response";
    throw new NoResponseError(new Problem(code, { cause }));
  }
}

/** Where the runtime says that no connection was made; else the upstream may have begun to answer. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}
