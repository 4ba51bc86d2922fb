import type { z } from "@hono/zod-openapi";
import { currentContext, type RequestContext } from "../context.ts";
import { internalHeaders, isInternalHeader, maxCallChain } from "../internal_headers.ts";
import { Problem } from "../problem.ts";
import { openCall } from "../telemetry/open_call.ts";
import { childSpan, toTraceparent } from "../trace_context.ts";
import { sentOnce, type Upstream } from "../upstream.ts";
import { readAnswer } from "./read_answer.ts";

/** Calls other services in the name of the request that is being served. */
export interface ServiceClient<Name extends string> {
  /**
   * Calls a service of the trust domain: the Passport goes along as it came, with trace and deadline.
   *
   * `path` is path and query, encoded. A redirect is handed back. POST and PATCH are sent once.
   *
   * @throws {Problem} `upstream_timeout` when the budget is used up, `upstream_unavailable` when
   * the service cannot be reached or the call goes in circles
   * @throws {TypeError} when the path leads elsewhere, to another origin or by dot segments
   */
  call(service: Name, path: string, init?: RequestInit): Promise<Response>;
  /**
   * Gets a resource of a service as `schema` types it, or undefined where there is none (404).
   *
   * @throws {Problem} as `call`; `upstream_unavailable` when the service answers 503,
   * `upstream_bad_response` when it answers anything else or what does not fit
   */
  read<Schema extends z.ZodType>(
    service: Name,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined>;
  /** Fetches anything else: internal headers are stripped, even where the caller set them by hand. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** Whom a client may call. */
export interface ClientOptions<Name extends string> {
  /** The only places that ever get a Passport. */
  readonly services: Readonly<Record<Name, Upstream>>;
  /** For everything that is no service of ours. */
  readonly fetch?: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Makes the client of one service. */
export function createClient<Name extends string>(
  { services, fetch = globalThis.fetch, now = Date.now }: ClientOptions<Name>,
): ServiceClient<Name> {
  async function call(service: Name, path: string, init: RequestInit = {}): Promise<Response> {
    const context = requireContext();
    const upstream = services[service];
    const remainingMs = context.deadline === undefined ? undefined : context.deadline - now();
    if (remainingMs !== undefined && remainingMs <= 0) throw new Problem("upstream_timeout");
    if (context.callChain.length >= maxCallChain) {
      throw new Problem("upstream_unavailable", {
        cause: new Error(`Call chain is too long: ${context.callChain.join(" → ")}`),
      });
    }
    const signals = [context.signal, init.signal ?? undefined].filter((one) => one !== undefined);
    if (remainingMs !== undefined) signals.push(AbortSignal.timeout(remainingMs));
    requireEncodedPath(path);
    const under = openCall(context, { peer: service, method: init.method ?? "GET" });
    const trace = under?.trace ?? childSpan(context.trace);
    try {
      const response = await reach(upstream, path, {
        ...sentOnce(init),
        headers: internalCallHeaders(init.headers, { ...context, trace }, remainingMs),
        signal: AbortSignal.any(signals),
      });
      under?.end({ status: response.status });
      return response;
    } catch (error) {
      under?.end({ failure: error });
      throw error;
    }
  }

  return {
    call,
    read: async (service, path, schema) =>
      await readAnswer(await call(service, path), schema, { service }),
    async fetch(url, init = {}) {
      return await fetch(url, { ...init, headers: withoutInternal(init.headers) });
    },
  };
}

/** Only a path that begins with a slash and has no dot segment is the URL's, letter for letter. */
function requireEncodedPath(path: string): void {
  const [pathname = ""] = path.split(/[?#]/);
  if (pathname.startsWith("/") && new URL(`http://any.internal${path}`).pathname === pathname) {
    return;
  }
  throw new TypeError("Cannot call a service: path is not an encoded absolute path");
}

async function reach(
  upstream: Upstream,
  path: string,
  init: RequestInit & { readonly signal: AbortSignal },
): Promise<Response> {
  try {
    return await upstream.fetch(path, init);
  } catch (error) {
    const { aborted, reason } = init.signal;
    const timedOut = aborted && reason instanceof DOMException && reason.name === "TimeoutError";
    throw new Problem(timedOut ? "upstream_timeout" : "upstream_unavailable", { cause: error });
  }
}

function internalCallHeaders(
  given: HeadersInit | undefined,
  { passportToken, trace, callChain }: RequestContext,
  remainingMs: number | undefined,
): Headers {
  const headers = withoutInternal(given);
  if (passportToken !== undefined) headers.set(internalHeaders.passport, passportToken);
  headers.set(internalHeaders.traceparent, toTraceparent(trace));
  if (trace.state !== undefined) headers.set(internalHeaders.tracestate, trace.state);
  headers.set(internalHeaders.callChain, callChain.join(","));
  if (remainingMs !== undefined) headers.set(internalHeaders.deadline, String(remainingMs));
  return headers;
}

function withoutInternal(given: HeadersInit | undefined): Headers {
  const headers = new Headers(given);
  for (const name of [...headers.keys()]) if (isInternalHeader(name)) headers.delete(name);
  return headers;
}

/** A call outside of a request has no identity to carry; that is an error in the program. */
function requireContext(): RequestContext {
  const context = currentContext();
  if (!context) throw new TypeError("Cannot call a service: no request is being served");
  return context;
}
