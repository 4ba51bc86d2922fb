import { currentContext } from "@edgepass/shared/context";
import { createLogger, type Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import {
  createQuietTelemetry,
  prometheusMediaType,
  type Telemetry,
} from "@edgepass/shared/telemetry";
import { type AccessToken, cookieNames } from "@edgepass/shared/tokens";
import type { Upstream } from "@edgepass/shared/upstream";
import { Hono } from "hono";
import { type Authenticate, createAuthenticate, describeVerified } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { type ClientAddressSource, readClientAddress } from "./client_address.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import { type DocumentOptions, serveDocuments } from "./documents.ts";
import { answer } from "./envelope.ts";
import { createForward } from "./forward.ts";
import { getOnly } from "./get_only.ts";
import { requireModestHeaders } from "./header_limits.ts";
import { createHostCheck } from "./hosts.ts";
import { createIssuers, type IssuerOptions } from "./issuers.ts";
import { type GatewayEnv, observe, toFailure } from "./observe.ts";
import { createOriginPolicy } from "./origin_policy.ts";
import { createSignPassport, describePassport, type PassportOptions } from "./passport.ts";
import { createRefill } from "./refill.ts";
import { readRequestBody } from "./request_body.ts";
import { createUpstreamHeaders } from "./request_headers.ts";
import { createClientHeaders, setCaching } from "./response_headers.ts";
import {
  createRevocation,
  describeRevocation,
  type Revocation,
  type RevocationOptions,
} from "./revocation.ts";
import { type AccessRule, createRouteTable, type RevocationMode, type Route } from "./routes.ts";
import type { Steps } from "./steps.ts";
import { readTarget } from "./target.ts";

export type { ClientAddressSource } from "./client_address.ts";
export type { Credentials, Presented } from "./credentials.ts";
export { type GatewayConfig, type GatewayEffects, readGatewayConfig } from "./config.ts";
export { type DocsFile, docsFiles, type ReadDocsFile } from "./docs_page.ts";
export type { DocumentOptions } from "./documents.ts";
export type { IssuerOptions } from "./issuers.ts";
export { createOpenApi, type OpenApiInfo, type OpenApiOptions } from "./merge_openapi.ts";
export type { GatewayEnv } from "./observe.ts";
export type { PassportOptions } from "./passport.ts";
export type { RevocationOptions } from "./revocation.ts";
export type { AccessRule, Method, RevocationMode, Route } from "./routes.ts";
export type { Outcome, Step, StepName, Steps } from "./steps.ts";
export type { Target } from "./target.ts";

/** What a gateway is made of. */
export interface GatewayOptions {
  /** The one origin clients use. */
  readonly publicOrigin: string;
  /** Further origins whose pages may call, compared exactly. */
  readonly allowedOrigins?: readonly string[];
  /** Whose access tokens are taken. */
  readonly issuers: readonly IssuerOptions[];
  /** What is behind the gateway, and who may use it. */
  readonly routes: readonly Route[];
  /** Where revocations are asked for. */
  readonly revocation: Pick<RevocationOptions, "redis"> & {
    /** Where the keeper of the durable log refills an emptied Redis, asked by POST as `svc:gateway`. */
    readonly refill?: { readonly upstream: Upstream; readonly path: string };
  };
  /** How Passports are signed. */
  readonly passport: PassportOptions;
  /** Where the client's address is believed; the connection by default. */
  readonly clientAddress?: ClientAddressSource;
  /** By how many seconds clocks may differ; 5 by default. */
  readonly leewaySeconds?: number;
  /** The API's document and the page that shows it. */
  readonly documents?: DocumentOptions;
  /** Calls of this instance that wait for one upstream's answer; more are refused. */
  readonly maxConcurrent?: number;
  /** Where lines go; standard output by default. */
  readonly log?: Logger;
  /** Where spans and measurements go; by default spans go to the OpenTelemetry API's global provider. */
  readonly telemetry?: Telemetry;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The gateway's measurements tell who is there: they are for administrators. */
const administrators: AccessRule = { roles: ["admin"] };

const limits = {
  target: { maxBytes: 8192, maxParameters: 200 },
  headers: { maxBytes: 16_384, maxCount: 100 },
  body: { idleMs: 10_000, totalMs: 30_000 },
} as const;

/**
 * Makes a gateway: one origin, one table of routes, one identity for every service behind it.
 *
 * It answers `(Request) => Response` and knows no product. The order of the steps below is the
 * policy; a step that refuses throws a `Problem`, and none after it runs.
 *
 * @throws {RangeError} for a route table or an issuer that cannot be meant so
 */
export function createGateway(options: GatewayOptions): Hono<GatewayEnv> {
  const { publicOrigin, allowedOrigins = [], leewaySeconds = 5, now = Date.now } = options;
  const { clientAddress = { kind: "peer" }, telemetry = createQuietTelemetry() } = options;
  const log = options.log ?? createLogger({ service: "gateway", now });
  const effects = { now, log };
  const names = cookieNames(publicOrigin);
  const table = createRouteTable(options.routes, {
    maxTimeoutMs: (options.passport.ttlSeconds ?? 30) * 1000,
  });
  const issuers = createIssuers(options.issuers, effects);
  const origins = createOriginPolicy({ publicOrigin, allowedOrigins });
  const requireOwnHost = createHostCheck(publicOrigin);
  const authenticate = createAuthenticate({ issuers, leewaySeconds, now });
  const signPassport = createSignPassport(options.passport, effects);
  const refill = createRefill(options.revocation.refill, signPassport);
  const revocation = createRevocation(
    { redis: options.revocation.redis, ...(refill ? { refill } : {}) },
    effects,
  );
  const toUpstreamHeaders = createUpstreamHeaders({ publicOrigin, cookieNames: names });
  const toClientHeaders = createClientHeaders(names);
  const forward = createForward(options);
  const identify = createIdentify({ authenticate, revocation, log });

  const app = new Hono<GatewayEnv>();
  app.onError(toFailure(log));
  app.use(observe({ log, origins, telemetry, secure: names.secure }));
  app.use(async function requireCanonicalRequest(c, next) {
    requireOwnHost(c.req.raw);
    c.set("target", readTarget(c.req.raw.url, limits.target));
    requireModestHeaders(c.req.raw.headers, limits.headers);
    await next();
  });
  serveDocuments(app, { ...options.documents, issuers, revocation });
  const { prometheus } = telemetry;
  if (prometheus) {
    getOnly(app, "/metrics", async function serveMetrics(c) {
      const credentials = readCredentials(c.req.raw.headers, names);
      const asked = { rule: administrators, revocation: "strict", steps: c.var.steps } as const;
      authorize(administrators, await identify(credentials, asked));
      return c.text(prometheus(), 200, {
        "content-type": prometheusMediaType,
        "cache-control": "no-store",
      });
    });
  }

  app.all("*", async function serveRequest(c) {
    const request = c.req.raw;
    const { target, steps } = c.var;
    const { traceId } = currentContext()!.trace; // `observe` opened it.

    const preflight = origins.preflight(request, table.at(target.segments)?.allow);
    if (preflight) return preflight;
    const { route, rule } = table.find(target.segments, request.method);
    c.set("route", route.path);
    c.set("rule", rule);

    const credentials = readCredentials(request.headers, names);
    c.set("credentials", credentials);
    origins.refuseCrossSite(request, credentials);
    const bearer = await identify(credentials, { rule, revocation: route.revocation, steps });
    if (bearer !== "anonymous") c.set("bearer", bearer);
    authorize(rule, bearer);

    const { envelope, maxBodyBytes: maxBytes } = route;
    const body = await readRequestBody(request, { maxBytes, plain: envelope, ...limits.body });
    const sign = () => signPassport(bearer, traceId);
    const passport = await steps.run("sign", sign, describePassport);
    const call = steps.beginCall({ method: request.method, peer: route.upstream.name });
    const headers = toUpstreamHeaders(request.headers, route, {
      passport: passport.token,
      trace: call.trace,
      clientAddress: readClientAddress(request.headers, clientAddress),
      refreshCookies: credentials.refreshCookies,
    });
    const { method, signal } = request;
    return await forward({ route, target, method, headers, body, signal }, (response) => {
      call.end({ "http.response.status_code": response.status });
      const clientHeaders = toClientHeaders(response.headers, route);
      setCaching(clientHeaders, {
        readsCredentials: rule !== "public",
        isPrivate: bearer !== "anonymous" || response.status >= 400,
      });
      return steps.run(
        "envelope",
        () => answer(request, response, { headers: clientHeaders, traceId, envelope }),
      );
    }).catch(call.fail);
  });
  return app;
}

/** Who asks, as far as the route wants to know. */
type Identify = (
  credentials: Credentials,
  asked: {
    readonly rule: AccessRule;
    readonly revocation: RevocationMode;
    readonly steps: Steps;
  },
) => Promise<AccessToken | "anonymous">;

/** A public route reads no credential; on an optional one an unusable credential is none. */
function createIdentify(
  { authenticate, revocation, log }: {
    authenticate: Authenticate;
    revocation: Revocation;
    log: Logger;
  },
): Identify {
  return async function identify({ access }, { rule, revocation: mode, steps }) {
    if (rule === "public") return "anonymous";
    try {
      const token = await steps.run("verify", () => authenticate(access), describeVerified);
      const check = () => revocation.check(token, mode);
      await steps.run("revocation", check, describeRevocation(mode));
      return token;
    } catch (error) {
      if (rule !== "optional" || !(error instanceof Problem)) throw error;
      if (error.status >= 500) log.warn("Caller is taken for anonymous", { code: error.code });
      return "anonymous";
    }
  };
}
