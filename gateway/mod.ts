import {
  defaultPassportTtlSeconds,
  type GatewayValues,
  initialGatewayValues,
  type LiveConfiguration,
  staticConfiguration,
  type Upstream,
} from "@edgepass/shared/configuration";
import { createLogger, currentContext, oncePerRequest } from "@edgepass/shared/context";
import { type Logger, noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import type { Policies } from "@edgepass/shared/resilience";
import { cookieNames } from "@edgepass/shared/tokens";
import { Hono } from "hono";
import { serveAbout } from "./about.ts";
import { serveAdministration } from "./administration.ts";
import { type Admission, createAdmission } from "./admission.ts";
import { createAuthenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { type ClientAddressSource, readClientAddress } from "./client_address.ts";
import { readCredentials } from "./credentials.ts";
import { createEvaluatePolicy } from "./evaluate.ts";
import { type DocumentOptions, serveDocuments } from "./documents.ts";
import { wrapResponse } from "./envelope.ts";
import { createForward } from "./forward.ts";
import { enforceHeaderLimits } from "./header_limits.ts";
import { createHostCheck } from "./hosts.ts";
import { type Caller, createIdentify } from "./identify.ts";
import { createIssuers, type IssuerOptions } from "./issuers.ts";
import { type GatewayEnv, observe, toFailure } from "./observe.ts";
import { createStaleIfError } from "./stale_if_error.ts";
import { prepareKeys } from "./signing_keys.ts";
import { createOriginPolicy } from "./origin_policy.ts";
import { countShadowVerdict, describePassport } from "./passport.ts";
import { createRateLimiter, refuseTooMany } from "./rate_limiter.ts";
import { createRebuild } from "./rebuild.ts";
import { readRequestBody } from "./request_body.ts";
import { createUpstreamHeaders } from "./request_headers.ts";
import { createClientHeaders, setCaching } from "./response_headers.ts";
import { createRevocation, type EdgeState, type RevocationOptions } from "./revocation.ts";
import type { Route } from "./routes.ts";
import { createPolicyFactory, type GatewayPassportOptions } from "./policy_snapshot.ts";
import { createExpireStream } from "./stream_expiry.ts";
import { readPath, readTarget } from "./target.ts";

export type { Admission } from "./admission.ts";
export type { ClientAddressSource } from "./client_address.ts";
export type { Credentials, PresentedCredential } from "./credentials.ts";
export { type GatewayConfig, type GatewayEffects, readGatewayConfig } from "./config.ts";
export { type DocsFile, docsFiles, type ReadDocsFile } from "./docs_page.ts";
export type { DocumentOptions } from "./documents.ts";
export type { IssuerOptions } from "./issuers.ts";
export { createOpenApi, type OpenApiInfo, type OpenApiOptions } from "./merge_openapi.ts";
export type { GatewayEnv } from "./observe.ts";
export type { LimitedBy, Verdict } from "./rate_limits.ts";
export type { RevocationOptions } from "./revocation.ts";
export type { AccessRule, Method, RevocationMode, Route } from "./routes.ts";
export { type PassportSigningKeys, staticPassportSigningKeys } from "./signing_keys.ts";
export type { PassportSigningKey } from "./passport_keys.ts";
export type { GatewayPassportOptions } from "./policy_snapshot.ts";
export type { Outcome, Step, StepName, Steps } from "./steps.ts";
export type { Target } from "./target.ts";

/** Options of a gateway. */
export interface GatewayOptions {
  /** The one origin clients use. */
  readonly publicOrigin: string;
  /** Further origins whose pages may call the gateway, compared exactly. */
  readonly allowedOrigins?: readonly string[];
  /** The issuers whose access tokens are accepted. */
  readonly issuers: readonly IssuerOptions[];
  /** The services behind the gateway, and who may use them. */
  readonly routes: readonly Route[];
  /** Where revocations are read. */
  readonly revocation: Pick<RevocationOptions, "redis"> & {
    /** Where the revocation authority rebuilds an emptied list: a POST as `svc:gateway`. */
    readonly rebuild?: { readonly upstream: Upstream; readonly path: string };
  };
  /** How Passports are signed. */
  readonly passport: GatewayPassportOptions;
  /** The central configuration, live at run time; without it nothing changes. */
  readonly configuration?: LiveConfiguration<GatewayValues>;
  /** The trusted source of the client's address; the connection by default. */
  readonly clientAddress?: ClientAddressSource;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** The API's document and the page that shows it. */
  readonly documents?: DocumentOptions;
  /** Resilience policy of each upstream, by its name; the platform's defaults without. */
  readonly policies?: Policies;
  /** How the instance detects overload; without it every request is admitted. */
  readonly admission?: Admission;
  /** Where log lines go; standard output by default. */
  readonly log?: Logger;
  /**
   * Where spans and measurements go; by default spans go to the OpenTelemetry API's global
   * provider.
   */
  readonly telemetry?: Telemetry;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const maxima = {
  target: { maxBytes: 8192, maxParameters: 200 },
  headers: { maxBytes: 16_384, maxCount: 100 },
  body: { idleMs: 10_000, totalMs: 30_000 },
} as const;

/**
 * Makes a gateway: one origin, one table of routes, one identity for every service behind it.
 *
 * It returns `(Request) => Response` and depends on no product. The order of the steps below is the
 * policy; a step that refuses throws a `Problem`, and no later step runs.
 *
 * @throws {RangeError} for an invalid route table or issuer
 */
export function createGateway(options: GatewayOptions): Hono<GatewayEnv> {
  const { publicOrigin, allowedOrigins = [], leewaySeconds = 5, now = Date.now } = options;
  const { clientAddress = { kind: "peer" }, telemetry = noopTelemetry() } = options;
  const log = options.log ?? createLogger({ service: "gateway", now });
  const effects = { now, log };
  const names = cookieNames(publicOrigin);
  const configuration = options.configuration ?? environmentConfiguration(options);
  const currentPolicy = configuration.select(createPolicyFactory(options, effects));
  const evaluatePolicy = createEvaluatePolicy(currentPolicy, configuration, { now });
  const issuers = createIssuers(options.issuers, effects);
  const { keys } = options.passport;
  prepareKeys(configuration, { keys, issuers });
  const origins = createOriginPolicy({ publicOrigin, allowedOrigins });
  const requireOwnHost = createHostCheck(publicOrigin);
  const authenticate = createAuthenticate({ issuers, leewaySeconds, now });
  const rebuild = createRebuild(
    options.revocation.rebuild,
    (bearer, traceId) => currentPolicy().signPassport(bearer, traceId),
  );
  const revocation = createRevocation({
    redis: options.revocation.redis,
    ...(rebuild ? { rebuild } : {}),
    ...(options.configuration ? { observeVersion: options.configuration.observeVersion } : {}),
  }, effects);
  const toUpstreamHeaders = createUpstreamHeaders({ publicOrigin, cookieNames: names });
  const toClientHeaders = createClientHeaders(names);
  const forward = createForward({
    ...options,
    longestTimeoutMs: (upstream) => currentPolicy().table.longestTimeoutMs(upstream),
    upstreams: () => new Set(currentPolicy().table.routes.map(({ upstream }) => upstream.name)),
  });
  const staleIfError = createStaleIfError({ redis: options.revocation.redis, now, log });
  const limiter = createRateLimiter({ now });
  const expireStream = createExpireStream({ revocation, now });
  const identify = createIdentify({ authenticate, revocation, log });

  const app = new Hono<GatewayEnv>({ getPath: (request) => readPath(request.url) });
  app.onError(toFailure(log));
  app.use(oncePerRequest(observe({ log, origins, telemetry, cookieNames: names })));
  app.use(async function requireCanonicalRequest(c, next) {
    requireOwnHost(c.req.raw);
    c.set("target", readTarget(c.req.raw.url, maxima.target));
    enforceHeaderLimits(c.req.raw.headers, maxima.headers);
    await next();
  });
  serveDocuments(app, { ...options.documents, issuers, revocation });
  serveAbout(app, {
    ...options.documents,
    publicOrigin,
    isRouted: (segments) => currentPolicy().table.at(segments) !== undefined,
  });
  serveAdministration(app, { cookieNames: names, identify, keys, configuration, telemetry });

  app.all("*", async function serveRequest(c) {
    const request = c.req.raw;
    const { target, steps } = c.var;
    const { traceId } = currentContext()!.trace; // Set by `observe`.

    const address = readClientAddress(request.headers, clientAddress);
    const addressed = currentPolicy().table.at(target.segments);
    if (addressed?.rateLimited ?? true) {
      limiter.limitByAddressLocally(currentPolicy().limits.address, address);
    }
    const preflight = origins.preflight(request, addressed?.allow);
    if (preflight) return preflight;
    const edgeState: EdgeState = {};
    const decision = await evaluatePolicy(edgeState, async ({ table, limits, signPassport }) => {
      const { route, rule } = table.find(target.segments, request.method);
      c.set("route", route.path);
      c.set("rule", rule);
      c.set("clearsCookies", route.clearsCookies);

      const credentials = readCredentials(request.headers, names);
      c.set("credentials", credentials);
      origins.refuseCrossSite(request, credentials);
      const countersOf = (caller: Caller) => limiter.countersOf(limits, { address, caller, route });
      const options = { rule, revocation: route.revocation, steps, edgeState, countersOf };
      const bearer = await identify(credentials, options);
      if (bearer !== "anonymous") c.set("bearer", bearer);
      c.set("verdicts", limiter.evaluateLimits(countersOf(bearer), edgeState));
      refuseTooMany(c.var.verdicts);
      authorize(rule, bearer);
      return { route, rule, credentials, bearer, signPassport };
    });
    const { route, rule, credentials, bearer, signPassport } = decision;
    c.env?.decided?.();

    const { envelope, maxBodyBytes: maxBytes, encodedBody } = route;
    const body = await readRequestBody(request, { maxBytes, plain: !encodedBody, ...maxima.body });
    const sign = () => signPassport(bearer, traceId, route.path);
    const passport = await steps.run("sign", sign, describePassport);
    const call = steps.beginCall({ method: request.method, peer: route.upstream.name });
    const headers = toUpstreamHeaders(request.headers, route, {
      passport,
      trace: call.trace,
      clientAddress: address,
      refreshCookies: credentials.refreshCookies,
    });
    const { method, signal } = request;
    const toClient = async (response: Response): Promise<Response> => {
      const clientHeaders = toClientHeaders(response.headers, route);
      setCaching(clientHeaders, {
        readsCredentials: rule !== "public",
        isPrivate: bearer !== "anonymous" || response.status >= 400,
      });
      const given = { headers: clientHeaders, traceId, envelope };
      return expireStream(await wrapResponse(request, response, given), { bearer, route });
    };
    const last = staleIfError({ request, target, route, bearer });
    const upstreamRequest = { route, target, method, headers, body, signal };
    return await forward(upstreamRequest, async (response) => {
      call.end({ "http.response.status_code": response.status });
      countShadowVerdict(passport, { service: route.upstream.name, headers: response.headers });
      const served = await last.storeOrServeStale(response);
      return await steps.run("envelope", () => toClient(served));
    }).catch(call.fail).catch(async (failure) => await toClient(await last.serveStale(failure)));
  });
  const { admission } = options;
  if (admission) {
    const admit = createAdmission({ ...admission, log, telemetry, secure: names.secure });
    const serve = app.fetch;
    app.fetch = (request) => admit(request, (decided) => serve(request, { decided }));
  }
  return app;
}

/** The environment's values, which never change. */
function environmentConfiguration({ passport }: GatewayOptions): LiveConfiguration<GatewayValues> {
  const { ttlSeconds: passportTtlSeconds = defaultPassportTtlSeconds } = passport;
  return staticConfiguration(initialGatewayValues({ logLevel: "info", passportTtlSeconds }));
}
