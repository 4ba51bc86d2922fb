import type { GatewayValues, LiveConfiguration } from "@edgepass/shared/configuration";
import { currentContext, oncePerRequest } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import type { CookieNames } from "@edgepass/shared/tokens";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { Admit } from "./admission.ts";
import { authorize, type Identify } from "./authenticate.ts";
import {
  type Caller,
  type Credentials,
  type OriginPolicy,
  readCredentials,
} from "./credentials.ts";
import type { RequestEdge } from "./edge_state.ts";
import type { Forward } from "./forward.ts";
import { type GatewayEnv, toFailure } from "./observe.ts";
import { countShadowVerdict, describePassport, type SignPassport } from "./passport.ts";
import type { PolicySnapshot } from "./policy_snapshot.ts";
import { createAllowance, type RateLimiter, refuseTooMany } from "./rate_limits.ts";
import { readRequestBody } from "./request/body.ts";
import {
  type ClientAddressSource,
  enforceHeaderLimits,
  readClientAddress,
  type ToUpstreamHeaders,
} from "./request/headers.ts";
import { readPath, readTarget } from "./request/target.ts";
import { isEventStream } from "./response/body.ts";
import { setCaching, type ToClientHeaders, wrapResponse } from "./response/envelope.ts";
import type { OpenStaleIfError } from "./response/stale_if_error.ts";
import type { ExpireStream } from "./response/stream_expiry.ts";
import type { AccessRule, CheckedRoute } from "./routes.ts";

/** The parts that the steps are made of; each belongs to one gateway and serves all its requests. */
export interface PolicyParts {
  readonly admit: Admit | undefined;
  readonly observe: MiddlewareHandler<GatewayEnv>;
  readonly requireOwnHost: (request: Request) => void;
  /** Adds the gateway's own documents and the API of administrators. */
  readonly serveOwn: (app: Hono<GatewayEnv>) => void;
  readonly clientAddress: ClientAddressSource;
  readonly cookieNames: CookieNames;
  readonly origins: OriginPolicy;
  readonly currentPolicy: () => PolicySnapshot;
  readonly configuration: Pick<LiveConfiguration<GatewayValues>, "ensureLoaded" | "refresh">;
  readonly limiter: RateLimiter;
  readonly openEdge: () => RequestEdge;
  readonly identify: Identify;
  readonly toUpstreamHeaders: ToUpstreamHeaders;
  readonly forward: Forward;
  readonly staleIfError: OpenStaleIfError;
  readonly toClientHeaders: ToClientHeaders;
  readonly expireStream: ExpireStream;
  readonly log: Logger;
  readonly now: () => number;
}

const maxima = {
  target: { maxBytes: 8192, maxParameters: 200 },
  headers: { maxBytes: 16_384, maxCount: 100 },
  body: { idleMs: 10_000, totalMs: 30_000 },
} as const;

/**
 * The policy of a request, from top to bottom: the order of the steps is the policy. A step that
 * refuses throws a `Problem`, and no later step runs.
 */
export function createPolicy(parts: PolicyParts): Hono<GatewayEnv> {
  const { admit, observe, requireOwnHost, log } = parts;
  const decide = createDecide(parts);
  const forwardDecided = createForwardDecided(parts);
  const app = new Hono<GatewayEnv>({ getPath: (request) => readPath(request.url) });
  app.onError(toFailure(log));
  if (admit) app.use(oncePerRequest(admitFirst(admit)));
  app.use(oncePerRequest(observe));
  app.use(async function requireCanonicalRequest(c, next) {
    requireOwnHost(c.req.raw);
    c.set("target", readTarget(c.req.raw.url, maxima.target));
    enforceHeaderLimits(c.req.raw.headers, maxima.headers);
    await next();
  });
  parts.serveOwn(app);
  app.all("*", async function serveRequest(c) {
    const { currentPolicy, limiter, origins } = parts;
    const address = readClientAddress(c.req.raw.headers, parts.clientAddress);
    const addressed = currentPolicy().table.at(c.get("target").segments);
    if (addressed?.rateLimited ?? true) {
      limiter.limitByAddressLocally(currentPolicy().limits.address, address);
    }
    const preflight = origins.preflight(c.req.raw, addressed?.allow);
    if (preflight) return preflight;
    const decision = await decide(c, address);
    c.get("releaseSlot")?.();
    return await forwardDecided(c, { ...decision, address });
  });
  return app;
}

/** A slot is needed until the policy has decided: the wait for a service is not this instance's. */
function admitFirst(admit: Admit): MiddlewareHandler<GatewayEnv> {
  return async function admitRequest(c, next) {
    return await admit(c.req.raw, async (release) => {
      c.set("releaseSlot", release);
      await next();
      return c.res;
    });
  };
}

/** What one version of the policy decides about a request. */
interface Decision {
  readonly route: CheckedRoute;
  readonly rule: AccessRule;
  readonly credentials: Credentials;
  readonly caller: Caller;
  readonly signPassport: SignPassport;
}

/** The client's address, undefined where there is no trusted source of it. */
type Address = string | undefined;

/**
 * Anonymous clients can request unknown routes, and each Redis command is billed: a burst, then
 * slowly.
 */
const polling = { burst: 20, everyMs: 250 } as const;

/**
 * Evaluates a request by the current version of the policy, and once more if a newer version became
 * current meanwhile, through this request or another one.
 *
 * A request for an unknown route reads nothing from Redis, so the version is fetched then, within an
 * allowance. A request that needs nothing from Redis makes the instance load the configuration once,
 * if it has not done so yet.
 */
function createDecide(parts: PolicyParts) {
  const { currentPolicy, configuration, openEdge, now } = parts;
  const mayFetch = createAllowance(polling, now);
  const evaluate = createEvaluate(parts);

  async function loadAfter(refusal: unknown, edge: RequestEdge): Promise<void> {
    if (isOfNoRoute(refusal)) await configuration.refresh({ mayAsk: mayFetch });
    else if (!edge.state()?.isReadable && !isFault(refusal)) await configuration.ensureLoaded();
  }

  return async function decide(c: Context<GatewayEnv>, address: Address): Promise<Decision> {
    const edge = openEdge();
    for (let isLast = false;; isLast = true) {
      const policy = currentPolicy();
      try {
        const decision = await evaluate(c, { policy, address, edge });
        if (isLast) return decision;
        if (!edge.state()?.isReadable) await configuration.ensureLoaded();
        if (currentPolicy() === policy) return decision;
      } catch (refusal) {
        if (isLast) throw refusal;
        await loadAfter(refusal, edge);
        if (currentPolicy() === policy) throw refusal;
      }
    }
  };
}

/** One evaluation of a request by one version of the policy. */
function createEvaluate({ cookieNames, origins, limiter, identify, log }: PolicyParts) {
  return async function evaluate(
    c: Context<GatewayEnv>,
    { policy: { table, limits, signPassport, requireSignable }, address, edge }: {
      readonly policy: PolicySnapshot;
      readonly address: Address;
      readonly edge: RequestEdge;
    },
  ): Promise<Decision> {
    const request = c.req.raw;
    const target = c.get("target");
    const { route, rule } = table.find(target.segments, request.method);
    c.set("route", route.path);
    c.set("rule", rule);
    c.set("clearsCookies", route.clearsCookies);
    c.set("refusal", undefined);

    const credentials = readCredentials(request.headers, cookieNames);
    c.set("credentials", credentials);
    origins.refuseCrossSite(request, credentials);

    const countersOf = (caller: Caller) => limiter.countersOf(limits, { address, caller, route });
    const caller = await identify(credentials, {
      rule,
      revocation: route.revocation,
      steps: c.get("steps"),
      ignored: (refusal) => c.set("refusal", refusal),
      requireSignable: (token) => requireSignable(token, route.path),
      // Requests that wait for one issuer must not take the slots of all others' requests.
      onWait: () => c.get("releaseSlot")?.(),
      read: (token) => edge.read({ token, counters: countersOf(token) }),
      async countAnonymous() {
        const counters = countersOf("anonymous");
        if (counters.length === 0) return;
        const { isReadable, cause } = await edge.read({ counters });
        if (!isReadable) log.debug("Requests are counted locally only", { cause });
      },
    });
    if (caller !== "anonymous") c.set("bearer", caller);
    const verdicts = limiter.evaluateLimits(countersOf(caller), edge.state()?.counts);
    c.set("verdicts", verdicts);
    refuseTooMany(verdicts);
    authorize(rule, caller);
    return { route, rule, credentials, caller, signPassport };
  };
}

/** Sends a request that the policy allows to its service, as the caller's, and returns the response. */
function createForwardDecided(parts: PolicyParts) {
  const { toUpstreamHeaders, toClientHeaders, forward, staleIfError, expireStream } = parts;
  return async function forwardDecided(
    c: Context<GatewayEnv>,
    decision: Decision & { readonly address: Address },
  ): Promise<Response> {
    const request = c.req.raw;
    const target = c.get("target");
    const steps = c.get("steps");
    const { route, rule, caller, credentials: { refreshCookies }, address: clientAddress } =
      decision;
    const { traceId } = currentContext()!.trace; // Set by `observe`.

    const { envelope, maxBodyBytes: maxBytes, encodedBody } = route;
    const body = await readRequestBody(request, { maxBytes, plain: !encodedBody, ...maxima.body });
    const sign = () => decision.signPassport(caller, traceId, route.path);
    const passport = await steps.run("sign", sign, describePassport);
    const call = steps.beginCall({ method: request.method, peer: route.upstream.name });
    const identity = { passport, trace: call.trace, clientAddress, refreshCookies };
    const headers = toUpstreamHeaders(request.headers, route, identity);

    const toClient = async (response: Response): Promise<Response> => {
      const clientHeaders = toClientHeaders(response.headers, route);
      setCaching(clientHeaders, {
        readsCredentials: rule !== "public",
        isPrivate: caller !== "anonymous" || response.status >= 400,
      });
      const options = { headers: clientHeaders, traceId, envelope };
      const wrapped = await wrapResponse(request, response, options);
      return isEventStream(wrapped.headers) ? expireStream(wrapped, { caller, route }) : wrapped;
    };
    const stale = route.fallback && staleIfError({ request, target, route, caller });
    const { method, signal } = request;
    const sent = forward({ route, target, method, headers, body, signal }, async (response) => {
      call.end({ "http.response.status_code": response.status });
      countShadowVerdict(passport, { service: route.upstream.name, headers: response.headers });
      const served = stale ? await stale.storeOrServeStale(response) : response;
      return await steps.run("envelope", () => toClient(served));
    }).catch(call.fail);
    if (!stale) return await sent;
    return await sent.catch(async (failure) => await toClient(await stale.serveStale(failure)));
  };
}

function isOfNoRoute(error: unknown): boolean {
  return error instanceof Problem &&
    (error.code === "not_found" || error.code === "method_not_allowed");
}

/** A request that already failed by a fault must not wait for a second one. */
function isFault(error: unknown): boolean {
  return !(error instanceof Problem) || error.status >= 500;
}
