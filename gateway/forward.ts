import { internalHeaders } from "@edgepass/shared/context";
import { Problem } from "@edgepass/shared/problem";
import {
  type Attempt,
  createResilience,
  defaultPolicies,
  type Policies,
  type Resilience,
  type ResilienceEffects,
} from "@edgepass/shared/resilience";
import { sentOnce } from "@edgepass/shared/configuration";
import type { LimitedBody } from "./request/body.ts";
import type { HeaderPairs } from "./request/headers.ts";
import type { Target } from "./request/target.ts";
import { isTruncation, truncatedResponse } from "./response/body.ts";
import type { CheckedRoute, RouteTable } from "./routes.ts";

export interface ForwardOptions {
  /** Resilience policy of each upstream, by its name; the time limit is the route's instead. */
  readonly policies?: Policies;
  /** The current policy, for its route table: read at each call. */
  readonly currentPolicy: () => { readonly table: Pick<RouteTable, "longestTimeoutMs"> };
  readonly effects?: ResilienceEffects;
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
 * A request that got no response at all is retried where it has no body and may be repeated. Any
 * response is passed on: services retry their own dependencies.
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
  { policies = defaultPolicies, currentPolicy, effects = {} }: ForwardOptions,
): Forward {
  const { now = () => performance.now() } = effects;
  const longestOf = (name: string) => currentPolicy().table.longestTimeoutMs(name);
  // By name: a new version of the route table has new objects for the same upstreams.
  const upstreams = new Map<string, Resilience>();

  function resilienceOf(name: string): Resilience {
    const existing = upstreams.get(name);
    if (existing) return existing;
    // Each configuration version may name other upstreams: removed ones must not fill the memory.
    for (const other of upstreams.keys()) {
      if (longestOf(other) === undefined) upstreams.delete(other);
    }
    const resilience = createResilience({
      ...effects,
      name,
      policy: () => policies(name),
      longestTimeoutMs: () => longestOf(name) ?? Number.POSITIVE_INFINITY,
    });
    upstreams.set(name, resilience);
    return resilience;
  }

  return function forward(upstreamRequest, receive) {
    const { route: { upstream, timeoutMs }, method, body, signal } = upstreamRequest;
    return resilienceOf(upstream.name).run({
      method,
      body: body.content,
      upload: body,
      isSentOnce: body.content !== null,
      signal,
      timeoutMs,
      remainingMs: startCountdown(timeoutMs, now),
      isOwnCountdown: true,
      receive: (response) => isFinal(response) ? receive(response) : refuseInterim(response),
      isFault: isTruncation,
    }, (attempt) => send(upstreamRequest, attempt));
  };
}

/** What is left of the time, in milliseconds; it starts with the first attempt, which has all of it. */
function startCountdown(ms: number, now: () => number): () => number {
  let startedAt: number | undefined;
  return () => {
    const at = now();
    startedAt ??= at;
    return ms - (at - startedAt);
  };
}

async function send(
  { route: { upstream }, target, method, headers, body }: UpstreamRequest,
  { number, signal, limitMs }: Attempt,
): Promise<Response> {
  const { content } = body;
  const init = sentOnce({
    method,
    headers: number === 1 ? headers : withDeadline(headers, limitMs),
    signal,
    ...(content === null ? {} : { body: content }),
    ...(content instanceof ReadableStream ? { duplex: "half" } : {}),
  });
  let response: Response;
  try {
    response = await upstream.fetch(target.pathAndQuery, init);
  } catch (cause) {
    const code = isUnreachable(cause) ? "upstream_unavailable" : "upstream_bad_response";
    throw new Problem(code, { cause });
  }
  const refusal = body.refusal();
  if (!refusal) return response;
  await response.body?.cancel();
  throw refusal;
}

/** A status outside of 200 to 599 is no final response; `Response.error()` has status 0. */
function isFinal({ status }: Response): boolean {
  return status >= 200 && status <= 599;
}

/**
 * Refused once it was received: the upstream may have acted on the request, which must not be sent
 * again.
 */
async function refuseInterim(response: Response): Promise<never> {
  await response.body?.cancel();
  throw truncatedResponse(`Status ${response.status} is not final`);
}

/** The deadline header of a retry has only the time that earlier attempts left. */
function withDeadline(headers: HeaderPairs, limitMs: number): HeaderPairs {
  const left = String(limitMs);
  return headers.map(([name, value]) => [name, name === internalHeaders.deadline ? left : value]);
}

/** Whether the runtime reports that no connection was made; otherwise a response may have begun. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error &&
    error.cause.message.includes("client error (Connect)");
}
