import { z } from "@hono/zod-openapi";
import { sentOnce, type Upstream } from "../composition/upstream.ts";
import {
  currentContext,
  internalHeaders,
  isInternalHeader,
  maxCallChain,
  type RequestContext,
} from "../context/request_context.ts";
import { startCall } from "../context/measure.ts";
import { Problem } from "../problem.ts";
import {
  createResilience,
  defaultPolicies,
  type Policies,
  type Resilience,
  type ResilienceEffects,
} from "../resilience/mod.ts";
import { childSpan, toTraceparent } from "../telemetry/trace_context.ts";

/** Calls other services on behalf of the current request. */
export interface ServiceClient<Name extends string> {
  /**
   * Calls a service of the trust domain. The Passport is forwarded unchanged, with trace and
   * deadline.
   *
   * `path` is the encoded path and query. A redirect is returned, not followed. POST and PATCH are
   * sent once; other methods may be retried after no response, or after 502, 503 or 504.
   *
   * @throws {Problem} `upstream_timeout` if the time budget or the policy's timeout is used up,
   * `upstream_unavailable` if the service cannot be reached, its breaker or bulkhead refuses, or
   * the call chain is a loop
   * @throws {TypeError} if the path leads to another origin or has dot segments
   */
  call(service: Name, path: string, init?: RequestInit): Promise<Response>;
  /**
   * Gets a resource of a service, parsed by `schema`; undefined if there is none (404).
   *
   * @throws {Problem} as `call`; `upstream_unavailable` for a 503 response, `upstream_bad_response`
   * for another status or content that does not fit the schema
   */
  read<Schema extends z.ZodType>(
    service: Name,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined>;
  /** Fetches any other URL. Internal headers are removed, so that no Passport leaves the domain. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** Options of {@link createClient}. */
export interface ClientOptions<Name extends string> {
  /** The only upstreams that receive a Passport. */
  readonly services: Readonly<Record<Name, Upstream>>;
  /** Policies by service name; the platform's defaults if absent. */
  readonly resilience?: ResilienceEffects & { readonly policies: Policies };
  /** For URLs outside of the trust domain. */
  readonly fetch?: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** Creates the client that one service calls others with. */
export function createClient<Name extends string>(
  { services, resilience, fetch = globalThis.fetch, now = Date.now }: ClientOptions<Name>,
): ServiceClient<Name> {
  const limits = createCallLimits(services, {
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
    const attempts = { method, body, signal: AbortSignal.any(signals), remainingMs };
    return await limits[service].run(attempts, async ({ number, signal, limitMs }) => {
      const started = startCall(context, { peer: service, method });
      if (number > 1) started?.span.setAttribute("http.request.resend_count", number - 1);
      const trace = started?.trace ?? childSpan(context.trace);
      const headers = internalCallHeaders(init.headers, { ...context, trace }, limitMs);
      try {
        const response = await upstream.fetch(path, { ...sent, headers, signal });
        started?.end({ status: response.status });
        return response;
      } catch (failure) {
        started?.end({ failure });
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

/** Breaker and bulkhead state belongs to this client, and so to one isolate. */
function createCallLimits<Name extends string>(
  services: Readonly<Record<Name, Upstream>>,
  { policies, ...effects }: ResilienceEffects & { readonly policies: Policies },
): Readonly<Record<Name, Resilience>> {
  const limits: Partial<Record<Name, Resilience>> = {};
  for (const name in services) {
    limits[name] = createResilience({ ...effects, name, policy: () => policies(name) });
  }
  return limits as Record<Name, Resilience>; // The loop has set one per service.
}

/** Refuses a path that URL parsing would change: a dot segment could reach an internal route. */
function requireEncodedPath(path: string): void {
  const [pathname = ""] = path.split(/[?#]/);
  if (pathname.startsWith("/") && new URL(`http://any.internal${path}`).pathname === pathname) {
    return;
  }
  throw new TypeError("Cannot call a service: path is not an encoded absolute path");
}

function internalCallHeaders(
  headersInit: HeadersInit | undefined,
  { passportToken, txnToken, trace, callChain }: RequestContext,
  limitMs: number,
): Headers {
  const headers = withoutInternal(headersInit);
  if (passportToken !== undefined) headers.set(internalHeaders.passport, passportToken);
  if (txnToken !== undefined) headers.set(internalHeaders.txnToken, txnToken);
  headers.set(internalHeaders.traceparent, toTraceparent(trace));
  if (trace.state !== undefined) headers.set(internalHeaders.tracestate, trace.state);
  headers.set(internalHeaders.callChain, callChain.join(","));
  headers.set(internalHeaders.deadline, String(limitMs));
  return headers;
}

function withoutInternal(headersInit: HeadersInit | undefined): Headers {
  const headers = new Headers(headersInit);
  for (const name of [...headers.keys()]) if (isInternalHeader(name)) headers.delete(name);
  return headers;
}

/** A call outside of a request has no identity to forward; that is a programming error. */
function requireContext(): RequestContext {
  const context = currentContext();
  if (!context) throw new TypeError("Cannot call a service: no request is being served");
  return context;
}

/** Options of {@link readResponse}. */
export interface ReadResponseOptions {
  /** Name of the service, for the log. */
  readonly service: string;
}

/**
 * Reads a service's JSON response; undefined if the resource does not exist (404).
 *
 * @throws {Problem} `upstream_unavailable` for 503, `upstream_bad_response` for any other status
 * than 200 and for content that does not fit the schema
 */
export async function readResponse<Schema extends z.ZodType>(
  response: Response,
  schema: Schema,
  { service }: ReadResponseOptions,
): Promise<z.output<Schema> | undefined> {
  if (response.status !== 200) {
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    throw toResponseProblem(response, { service });
  }
  const content: unknown = await response.json().catch(() => undefined);
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new Problem("upstream_bad_response", { cause: result.error });
}

/** The problem for an unexpected response: a 503 is passed on, any other status is a fault. */
export function toResponseProblem({ status }: Response, { service }: ReadResponseOptions): Problem {
  const cause = new Error(`Service ${service} answered ${status}`);
  return new Problem(status === 503 ? "upstream_unavailable" : "upstream_bad_response", { cause });
}

const Part = z.record(z.string(), z.unknown());

/**
 * Reads what each of the services stores about the request's subject, unchanged.
 *
 * @throws {Problem} of the first that fails: an incomplete export must not look complete
 */
export async function collectExports(
  client: ServiceClient<string>,
  services: readonly string[],
): Promise<Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
  const parts = await Promise.all(services.map(async (service) => {
    const part = await client.read(service, "/internal/export", Part);
    if (part !== undefined) return [service, part] as const;
    const cause = new Error(`Service ${service} has no export`);
    throw new Problem("upstream_bad_response", { cause });
  }));
  return Object.fromEntries(parts);
}
