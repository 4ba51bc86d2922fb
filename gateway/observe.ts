import { currentContext, type RequestContext, runInContext } from "@edgepass/shared/context";
import {
  bestEffort,
  isProbe,
  isSampled,
  type Logger,
  newTrace,
  noopSpan,
  readTraceparent,
  readTracestate,
  type StartedSpan,
  startTracedSpan,
  type Telemetry,
  toSpanContext,
  type TraceContext,
} from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import { type AccessToken, clearTokenCookies, type CookieNames } from "@edgepass/shared/tokens";
import { type Span, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { Context, ErrorHandler, MiddlewareHandler } from "hono";
import { describeToken } from "./authenticate.ts";
import type { Credentials, OriginPolicy } from "./credentials.ts";
import { rateLimitHeaders, type Verdict } from "./rate_limits.ts";
import { wantsProblem } from "./request/headers.ts";
import type { Target } from "./request/target.ts";
import { refusalResponse } from "./response/failure.ts";
import { nameIssuer } from "./revocation.ts";
import { setCommonHeaders } from "./response/envelope.ts";
import type { AccessRule } from "./routes.ts";
import { openSteps, type Steps } from "./steps.ts";

/** What the steps of one request pass on to later steps and to its report. */
export type GatewayEnv = {
  Variables: {
    /** Releases the admission slot of the request. */
    releaseSlot: (() => void) | undefined;
    steps: Steps;
    target: Target;
    route: string;
    rule: AccessRule;
    clearsCookies: boolean;
    credentials: Credentials;
    bearer: AccessToken;
    /** The refusal of the presented token, also where the caller then counts as anonymous. */
    refusal: Problem | undefined;
    verdicts: readonly Verdict[];
    code: string;
  };
};

interface ObserveOptions {
  readonly log: Logger;
  readonly origins: OriginPolicy;
  readonly telemetry: Telemetry;
  readonly cookieNames: CookieNames;
}

/**
 * Starts the trace of a request, sets the headers that every response has, and reports the request.
 */
export function observe(
  { log, origins, telemetry, cookieNames }: ObserveOptions,
): MiddlewareHandler<GatewayEnv> {
  return async function observe(c, next) {
    const activeSpan = isProbe(c.req.path) ? noopSpan() : openTrace(c.req.raw, telemetry);
    const context: RequestContext = {
      service: "gateway",
      trace: activeSpan.trace,
      callChain: ["gateway"],
      signal: c.req.raw.signal,
      activeSpan,
      telemetry,
    };
    c.set("steps", openSteps(telemetry, activeSpan));
    await runInContext(context, async () => {
      const startedAt = performance.now();
      await next();
      const { headers } = c.res;
      setCommonHeaders(headers, {
        traceId: activeSpan.trace.traceId,
        secure: cookieNames.secure,
      });
      if (c.get("clearsCookies") && c.get("code") !== "csrf_rejected") {
        clearCookies(headers, c.res.status, cookieNames);
      }
      origins.allow(c.req.raw, headers);
      for (const [name, value] of rateLimitHeaders(c.get("verdicts") ?? [])) {
        headers.set(name, value);
      }
      const durationMs = performance.now() - startedAt;
      bestEffort(() => reportRequest(c, { log, telemetry, span: activeSpan.span, durationMs }));
    });
  };
}

/**
 * Clears the token cookies, except those that the identity provider's response sets itself.
 *
 * After a refusal other than 401 the login has not ended, and after a 5xx it may not have: without
 * its refresh cookie the client could not log out again, and a stolen copy would stay valid for
 * weeks. After a 401 the cookies name no login that another attempt could end.
 */
function clearCookies(headers: Headers, status: number, names: CookieNames): void {
  const setByService = new Set(headers.getSetCookie().map((cookie) => cookie.split("=")[0]));
  const [access, refresh] = clearTokenCookies(names);
  const canRetry = status >= 400 && status !== 401;
  for (const cookie of canRetry ? [access] : [access, refresh]) {
    if (!setByService.has(cookie.split("=")[0])) headers.append("set-cookie", cookie);
  }
}

/**
 * Continues a valid `traceparent` (W3C Trace Context §3.2), or links it where traces start at the
 * gateway. It correlates and never authorises. Its sampled flag is ignored: a client must not
 * decide how much the gateway records.
 */
function openTrace(
  { method, headers }: Request,
  { tracer, incoming, sampleRatio }: Telemetry,
): StartedSpan {
  const from = readTraceparent(headers.get("traceparent"));
  const options = { kind: SpanKind.SERVER, attributes: { "edgepass.service": "gateway" } };
  if (!from) return startTracedSpan(tracer, method, options);
  if (incoming === "restart") {
    return startTracedSpan(tracer, method, {
      ...options,
      links: [{ context: toSpanContext(from) }],
    });
  }
  const state = readTracestate(headers.get("tracestate"));
  const parent: TraceContext = {
    ...from,
    flags: isSampled(from.traceId, sampleRatio) ? 1 : 0,
    ...(state === undefined ? {} : { state }),
  };
  return startTracedSpan(tracer, method, { ...options, parent });
}

/**
 * Turns a step's refusal into a response; an unforeseen error is `internal`, and its cause is only
 * logged.
 */
export function toFailure(log: Logger): ErrorHandler<GatewayEnv> {
  return function failure(error, c: Context<GatewayEnv>) {
    const problem = toProblem(error, c.req.raw.signal);
    const { code, cause } = problem;
    if (problem.status >= 500) log.error(problem.title, { code, cause });
    else if (code === "client_closed_request") log.debug(problem.title, { code, cause });
    c.set("code", code);
    // One without a reason is of an issuer whose keys cannot be read: its tokens are not refused.
    if ((problem.reason ?? problem.issuer) !== undefined) c.set("refusal", problem);
    const traceId = currentContext()?.trace.traceId ?? newTrace().traceId;
    return refusalResponse(problem, { traceId, asProblem: wantsProblem(c.req.raw) });
  };
}

/** A call that fails because its client disconnected is no server error. */
function toProblem(error: unknown, { aborted }: AbortSignal): Problem {
  const problem = error instanceof Problem ? error : new Problem("internal", { cause: error });
  return aborted && problem.status >= 500
    ? new Problem("client_closed_request", { cause: error })
    : problem;
}

interface ReportOptions {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly span: Span;
  readonly durationMs: number;
}

/** Reports the outcome of a request: its log line, its span, its metrics. */
function reportRequest(
  c: Context<GatewayEnv>,
  { log, telemetry, span, durationMs }: ReportOptions,
): void {
  const { method } = c.req;
  const { status } = c.res;
  const route = c.get("route");
  const code = c.get("code");
  const path = c.get("target")?.path;
  const refused = readRefusal(c);
  if (span.isRecording()) endSpan(c, span, { method, status, route, code, path, refused });
  telemetry.metrics.record("http.server.request.duration", {
    "edgepass.service": "gateway",
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": code,
  }, durationMs / 1000);
  if (code !== undefined) {
    telemetry.metrics.add("edgepass.gateway.refusals", {
      "http.route": route,
      "error.type": code,
    });
  }
  if (refused) {
    telemetry.metrics.add("edgepass.tokens.refused", {
      "edgepass.issuer": refused.issuer ?? "unknown",
      "edgepass.token.refusal": refused.reason,
    });
  }
  const bearer = c.get("bearer");
  // Probes come every few seconds: at info level they would hide the traffic.
  const write = path !== undefined && isProbe(path) ? log.debug : log.info;
  const hasSteps = status >= 500 || durationMs >= telemetry.slowMs;
  write("Request completed", {
    method,
    path,
    route,
    status,
    code,
    tokenRefusal: refused?.reason,
    sub: bearer?.sub,
    issuer: bearer ? bearer.alias : c.get("refusal")?.issuer,
    tenant: bearer?.tenant,
    // Only a client's: users are the rule.
    subjectKind: bearer?.kind === "client" ? bearer.kind : undefined,
    durationMs: round(durationMs),
    // The trace may not have been sampled: without the steps the line would not show where the time
    // went.
    ...(hasSteps ? { steps: roundAll(c.get("steps").durationsMs) } : {}),
  });
}

interface Outcome {
  readonly method: string;
  readonly status: number;
  readonly route: string | undefined;
  readonly code: string | undefined;
  readonly path: string | undefined;
  readonly refused: RefusedToken | undefined;
}

interface RefusedToken {
  readonly reason: string;
  /** Undefined while the token has not shown whose it is. */
  readonly issuer: string | undefined;
}

/** Why the token of a request was refused; reasons and aliases come from code and settings alone. */
function readRefusal(c: Context<GatewayEnv>): RefusedToken | undefined {
  const { reason, issuer } = c.get("refusal") ?? {};
  const bearer: AccessToken | undefined = c.get("bearer");
  return reason === undefined
    ? undefined
    : { reason, issuer: issuer ?? (bearer && nameIssuer(bearer)) };
}

function endSpan(
  c: Context<GatewayEnv>,
  span: Span,
  { method, status, route, code, path, refused }: Outcome,
): void {
  const bearer: AccessToken | undefined = c.get("bearer");
  const rule = c.get("rule");
  if (route !== undefined) span.updateName(`${method} ${route}`);
  span.setAttributes({
    "http.request.method": method,
    "url.path": path,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": code,
    "edgepass.rule": rule === undefined ? undefined : describeRule(rule),
    "edgepass.credential": nameCredential(c.get("credentials")),
    "edgepass.token.refusal": refused?.reason,
    "edgepass.issuer": refused?.issuer ?? c.get("refusal")?.issuer,
    ...(bearer && describeToken(bearer)),
  });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function describeRule(rule: AccessRule): string {
  return typeof rule === "string" ? rule : `roles:${rule.roles.join(",")}`;
}

function nameCredential(credentials: Credentials | undefined): string | undefined {
  if (!credentials) return undefined;
  const { access, bearer, cookie } = credentials;
  if (access.kind !== "one") return access.kind;
  if (bearer) return "bearer";
  return cookie ? "cookie" : "none";
}

function roundAll(durations: Steps["durationsMs"]): Record<string, number> {
  return Object.fromEntries(
    Object.entries(durations).map(([step, tookMs]) => [step, round(tookMs)]),
  );
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
