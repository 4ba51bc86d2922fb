import { Problem } from "@edgepass/shared/problem";
import type { Upstream } from "@edgepass/shared/upstream";
import type { LimitedBody } from "./request_body.ts";
import type { CheckedRoute } from "./routes.ts";
import type { Target } from "./target.ts";

export interface ForwardOptions {
  /** Calls under way to one upstream; more are refused at once, never queued. */
  readonly maxConcurrent?: number;
}

/** One authorised request, ready to be sent. */
export interface Outgoing {
  readonly route: CheckedRoute;
  readonly target: Target;
  readonly method: string;
  readonly headers: Headers;
  readonly body: LimitedBody;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/**
 * Sends a request to its upstream and answers the response as soon as its headers are there.
 *
 * @throws {Problem} `upstream_unavailable`, `upstream_timeout`, `upstream_bad_response`, or what the
 * request's body was refused for
 */
export type Forward = (outgoing: Outgoing) => Promise<Response>;

/** Makes the forwarder; it counts the calls under way to each upstream of this instance. */
export function createForward({ maxConcurrent = 4096 }: ForwardOptions = {}): Forward {
  const underWay = new Map<Upstream, number>();

  return async function forward(outgoing) {
    const { upstream } = outgoing.route;
    const count = underWay.get(upstream) ?? 0;
    if (count >= maxConcurrent) throw new Problem("upstream_unavailable");
    underWay.set(upstream, count + 1);
    try {
      return await send(outgoing);
    } finally {
      underWay.set(upstream, (underWay.get(upstream) ?? 1) - 1);
    }
  };
}

async function send({ route, target, method, headers, body, signal }: Outgoing): Promise<Response> {
  const abort = new AbortController();
  const leave = (): void => abort.abort(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Problem("upstream_timeout"));
    abort.abort();
  }, route.timeoutMs);
  const request = new Request(route.upstream.origin + target.pathAndQuery, {
    method,
    headers,
    redirect: "manual",
    signal: abort.signal,
    ...(body.stream === null ? {} : { body: body.stream, duplex: "half" }),
  });
  try {
    return check(await Promise.race([route.upstream.fetch(request), late]));
  } catch (error) {
    const refusal = body.refusal();
    if (refusal) throw refusal;
    if (error instanceof Problem) throw error;
    throw new Problem("upstream_unavailable", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** A status outside of 200 to 599 is no final answer; `Response.error()` has status 0. */
function check(response: Response): Response {
  if (response.status >= 200 && response.status <= 599) return response;
  throw new Problem("upstream_bad_response");
}
