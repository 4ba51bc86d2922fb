import { Problem } from "@edgepass/shared/problem";
import { sentOnce, type Upstream } from "@edgepass/shared/upstream";
import type { LimitedBody } from "./request_body.ts";
import type { HeaderPairs } from "./request_headers.ts";
import type { CheckedRoute } from "./routes.ts";
import type { Target } from "./target.ts";

export interface ForwardOptions {
  /** Calls to one upstream that wait for its answer; more are refused at once, never queued. */
  readonly maxConcurrent?: number;
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

/** Makes the forwarder; it counts the calls that wait for each upstream of this instance. */
export function createForward({ maxConcurrent = 4096 }: ForwardOptions = {}): Forward {
  const waiting = new Map<Upstream, number>();

  return async function forward(outgoing, receive) {
    const { upstream, timeoutMs } = outgoing.route;
    const count = waiting.get(upstream) ?? 0;
    if (count >= maxConcurrent) throw new Problem("upstream_unavailable");
    waiting.set(upstream, count + 1);
    const abort = abortWith(outgoing.signal);
    const limit = startLimit(timeoutMs, outgoing.body);
    try {
      const answered = call(outgoing, abort.signal).then(receive);
      // Not every upstream heeds its signal.
      return await Promise.race([answered, limit.passed]);
    } catch (error) {
      abort.abort();
      // What a cut body makes of the call is not the upstream's fault.
      throw outgoing.body.refusal() ?? error;
    } finally {
      limit.stop();
      waiting.set(upstream, (waiting.get(upstream) ?? 1) - 1);
    }
  };
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
  stop(): void;
}

/** The upstream's time runs from the last part of the body, and not while the client owes the next. */
function startLimit(timeoutMs: number, body: LimitedBody): Limit {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (): void => {
    if (!body.isAwaited()) reject(new Problem("upstream_timeout"));
  };
  let timer = setTimeout(end, timeoutMs);
  let stopped = false;
  body.onPart(() => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(end, timeoutMs);
  });
  return {
    passed: promise,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function call(outgoing: Outgoing, signal: AbortSignal): Promise<Response> {
  const { route: { upstream }, target, method, headers, body } = outgoing;
  const { content } = body;
  const init = {
    method,
    headers,
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

async function reach(upstream: Upstream, target: string, init: RequestInit): Promise<Response> {
  try {
    return await upstream.fetch(target, init);
  } catch (cause) {
    throw new Problem(isUnreachable(cause) ? "upstream_unavailable" : "upstream_bad_response", {
      cause,
    });
  }
}

/** Where the runtime says that no connection was made; else the upstream may have begun to answer. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}
