import { internalHeaders } from "@edgepass/shared/context";
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
import { sentOnce, type Upstream } from "@edgepass/shared/configuration";
import type { LimitedBody } from "./request/body.ts";
import type { HeaderPairs } from "./request/headers.ts";
import type { Target } from "./request/target.ts";
import { isTruncation } from "./response/body.ts";
import type { CheckedRoute } from "./routes.ts";
import { createUpstreamLimits, type UpstreamLimits } from "./upstream_limits.ts";

export interface ForwardOptions {
  /** Resilience policy of each upstream, by its name; the time limit is the route's instead. */
  readonly policies?: Policies;
  /** The longest `timeoutMs` of an upstream's current routes, by its name. */
  readonly longestTimeoutMs?: (upstream: string) => number | undefined;
  readonly effects?: ResilienceEffects;
  /** The names of the current upstreams; without it the set never changes. */
  readonly upstreams?: () => ReadonlySet<string>;
}

/** One authorised request, ready to be sent. */
export interface UpstreamRequest {
  readonly route: CheckedRoute;
  readonly target: Target;
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly body: LimitedBody;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
}

/**
 * Sends a request to its upstream and lets `receive` make the client's response, both within the
 * route's time limit. A response body that streams on has no limit.
 *
 * @throws {Problem} `upstream_unavailable`, `upstream_timeout`, `upstream_bad_response`, what the
 * request's body was refused for, or what `receive` throws
 */
export type Forward = (
  upstreamRequest: UpstreamRequest,
  receive: (response: Response) => Promise<Response>,
) => Promise<Response>;

/** Makes the forwarder; it tracks each upstream's health as this instance sees it. */
export function createForward(
  { policies = defaultPolicies, longestTimeoutMs = () => undefined, effects = {}, upstreams }:
    ForwardOptions = {},
): Forward {
  const { now = () => performance.now(), sleep = sleepUnlessAborted } = effects;
  // By name: a new version of the route table has new objects for the same upstreams.
  const limitsByName = new Map<string, UpstreamLimits>();

  function limitsOf(name: string): UpstreamLimits {
    const existing = limitsByName.get(name);
    if (existing) return existing;
    // Each configuration version may name other upstreams: removed ones must not fill the memory.
    const currentNames = upstreams?.();
    for (const other of limitsByName.keys()) {
      if (currentNames?.has(other) === false) limitsByName.delete(other);
    }
    const limits = createUpstreamLimits(name, {
      policy: () => policies(name),
      longestTimeoutMs: () => longestTimeoutMs(name),
    }, effects);
    limitsByName.set(name, limits);
    return limits;
  }

  return async function forward(upstreamRequest, receive) {
    const { upstream, timeoutMs } = upstreamRequest.route;
    const limits = limitsOf(upstream.name);
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
    /** A call has failed until a response begins. */
    let failed = true;
    try {
      const received = sendWithRetry(exchange).then((response) => {
        failed = isFailure(response);
        return receive(response);
      });
      // Not every upstream honours its abort signal.
      const clientResponse = await Promise.race([received, limit.passed]);
      settle(exchange.permit, failed);
      return clientResponse;
    } catch (error) {
      abort.abort();
      // A request body cut off by the gateway, or a client that disconnects, is not the upstream's
      // failure.
      const refusal = upstreamRequest.body.refusal();
      if (refusal || upstreamRequest.signal.aborted) exchange.permit?.cancel();
      // A response that the gateway cannot process counts as a success of the upstream. Otherwise a
      // client that finds one path with such a response could open the breaker for all clients.
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

/** A request that is being sent. */
interface Attempt extends Required<Pick<ResilienceEffects, "sleep">> {
  readonly upstreamRequest: UpstreamRequest;
  readonly limits: UpstreamLimits;
  readonly signal: AbortSignal;
  /** What is left of the route's time, in milliseconds. */
  readonly remainingMs: () => number;
  /** The breaker's permit of the current attempt. */
  permit?: Permit;
}

/**
 * Retries a request that got no response at all, where it may be repeated. Any response is passed
 * on: services retry their own dependencies, and retries in two layers would multiply.
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

/** A client that disconnects aborts the upstream call, also while the response streams. */
function abortWith(signal: AbortSignal): AbortController {
  const abort = new AbortController();
  const onDisconnect = (): void => abort.abort(signal.reason);
  if (signal.aborted) onDisconnect();
  else signal.addEventListener("abort", onDisconnect, { once: true });
  return abort;
}

interface Limit {
  /** Rejects with `upstream_timeout` when the time is over; never resolves. */
  readonly passed: Promise<never>;
  /** Whether the time is over. */
  isOver(): boolean;
  stop(): void;
}

/**
 * The upstream's time starts again at each part of the request body, and stops while the client
 * owes one.
 */
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
  // A status outside of 200 to 599 is no final response; `Response.error()` has status 0.
  if (!refusal && response.status >= 200 && response.status <= 599) return response;
  await response.body?.cancel();
  throw refusal ?? new Problem("upstream_bad_response");
}

/** The deadline header of a retry has only the time that earlier attempts left. */
function withDeadline(headers: HeaderPairs, remainingMs: number): HeaderPairs {
  const left = String(Math.max(1, Math.floor(remainingMs)));
  return headers.map(([name, value]) => [name, name === internalHeaders.deadline ? left : value]);
}

/** Not one byte of a response arrived. */
class NoResponseError extends Error {
  override readonly name = "NoResponseError";
  /** What the client gets. */
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

/** Whether the runtime reports that no connection was made; otherwise a response may have begun. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}
