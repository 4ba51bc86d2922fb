import type { z } from "@hono/zod-openapi";
import { currentContext, type RequestContext } from "../context.ts";
import { internalHeaders, isInternalHeader, maxCallChain } from "../internal_headers.ts";
import { Problem } from "../problem.ts";
import {
  createResilience,
  defaultPolicies,
  type Policies,
  type Resilience,
  type ResilienceEffects,
} from "../resilience/mod.ts";
import { startCall } from "../telemetry/start_call.ts";
import { childSpan, toTraceparent } from "../trace_context.ts";
import { sentOnce, type Upstream } from "../upstream.ts";
import { readResponse } from "./read_response.ts";

/** Calls other services in the name of the request that is being served. */
export interface ServiceClient<Name extends string> {
  /**
   * Calls a service of the trust domain: the Passport goes along as it came, with trace and deadline.
   *
   * `path` is path and query, encoded. A redirect is handed back. POST and PATCH are sent once; other
   * methods may come again where nobody answered, or the answer is 502, 503 or 504.
   *
   * @throws {Problem} `upstream_timeout` when the budget or the policy's time is used up,
   * `upstream_unavailable` when the service cannot be reached, its breaker or bulkhead refuses, or the
   * call goes in circles
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
  /** How each service is called, by name; the platform's defaults without. */
  readonly resilience?: ResilienceEffects & { readonly policies: Policies };
  /** For everything that is no service of ours. */
  readonly fetch?: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Makes the client of one service. */
export function createClient<Name extends string>(
  { services, resilience, fetch = globalThis.fetch, now = Date.now }: ClientOptions<Name>,
): ServiceClient<Name> {
  const guards = createCallLimits(services, {
    policies: defaultPolicies,
    epochNow: now,
    ...resilience,
  });

  async function call(service: Name, path: string, init: RequestInit = {}): Promise<Response> {
    const context = requireContext();
    const upstream = services[service];
    const { deadline } = context;
    const remainingMs = deadline === undefined ? () => undefined : () => deadline - now();
    const budgetMs = remainingMs();
    if (budgetMs !== undefined && budgetMs <= 0) throw new Problem("upstream_timeout");
    if (context.callChain.length >= maxCallChain) {
      throw new Problem("upstream_unavailable", {
        cause: new Error(`Call chain is too long: ${context.callChain.join(" → ")}`),
      });
    }
    requireEncodedPath(path);
    const signals = [context.signal, init.signal ?? undefined].filter((one) => one !== undefined);
    if (budgetMs !== undefined) signals.push(AbortSignal.timeout(budgetMs));
    const { method = "GET", body = null } = init;
    const sent = sentOnce(init);
    const guarded = { method, body, signal: AbortSignal.any(signals), remainingMs };
    return await guards[service].run(guarded, async ({ number, signal, limitMs }) => {
      const under = startCall(context, { peer: service, method });
      if (number > 1) under?.span.setAttribute("http.request.resend_count", number - 1);
      const trace = under?.trace ?? childSpan(context.trace);
      const headers = internalCallHeaders(init.headers, { ...context, trace }, limitMs);
      try {
        const response = await upstream.fetch(path, { ...sent, headers, signal });
        under?.end({ status: response.status });
        return response;
      } catch (failure) {
        under?.end({ failure });
        throw failure;
      }
    });
  }

  return {
    call,
    read: async (service, path, schema) =>
      await readResponse(await call(service, path), schema, { service }),
    async fetch(url, init = {}) {
      return await fetch(url, { ...init, headers: withoutInternal(init.headers) });
    },
  };
}

/** What is known of each service's health belongs to this client, and so to one isolate. */
function createCallLimits<Name extends string>(
  services: Readonly<Record<Name, Upstream>>,
  { policies, ...effects }: ResilienceEffects & { readonly policies: Policies },
): Readonly<Record<Name, Resilience>> {
  const guards: Partial<Record<Name, Resilience>> = {};
  for (const name in services) {
    guards[name] = createResilience({ ...effects, name, policy: () => policies(name) });
  }
  return guards as Record<Name, Resilience>; // One for each of the services.
}

/** Only a path that begins with a slash and has no dot segment is the URL's, letter for letter. */
function requireEncodedPath(path: string): void {
  const [pathname = ""] = path.split(/[?#]/);
  if (pathname.startsWith("/") && new URL(`http://any.internal${path}`).pathname === pathname) {
    return;
  }
  throw new TypeError("Cannot call a service: path is not an encoded absolute path");
}

function internalCallHeaders(
  given: HeadersInit | undefined,
  { passportToken, txnToken, trace, callChain }: RequestContext,
  limitMs: number,
): Headers {
  const headers = withoutInternal(given);
  if (passportToken !== undefined) headers.set(internalHeaders.passport, passportToken);
  if (txnToken !== undefined) headers.set(internalHeaders.txnToken, txnToken);
  headers.set(internalHeaders.traceparent, toTraceparent(trace));
  if (trace.state !== undefined) headers.set(internalHeaders.tracestate, trace.state);
  headers.set(internalHeaders.callChain, callChain.join(","));
  headers.set(internalHeaders.deadline, String(limitMs));
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
