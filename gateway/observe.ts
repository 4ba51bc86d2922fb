import { currentContext, type RequestContext, runInContext } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import {
  bestEffort,
  isProbe,
  isSampled,
  noopSpan,
  type StartedSpan,
  startTracedSpan,
  type Telemetry,
  toSpanContext,
} from "@edgepass/shared/telemetry";
import { type AccessToken, clearTokenCookies, type CookieNames } from "@edgepass/shared/tokens";
import { newTrace, readTraceparent, type TraceContext } from "@edgepass/shared/trace-context";
import { readTracestate } from "@edgepass/shared/trace-state";
import { SpanKind } from "@opentelemetry/api";
import type { Context, ErrorHandler, MiddlewareHandler } from "hono";
import type { Credentials } from "./credentials.ts";
import { refusalResponse, wantsProblem } from "./failure.ts";
import type { OriginPolicy } from "./origin_policy.ts";
import { rateLimitHeaders, type Verdict } from "./rate_limits.ts";
import { reportRequest } from "./report.ts";
import type { AccessRule } from "./routes.ts";
import { openSteps, type Steps } from "./steps.ts";
import type { Target } from "./target.ts";

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
    verdicts: readonly Verdict[];
    code: string;
  };
};

export interface ObserveOptions {
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
      headers.set("x-trace-id", activeSpan.trace.traceId);
      headers.set("x-content-type-options", "nosniff");
      if (cookieNames.secure) headers.set("strict-transport-security", "max-age=31536000");
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
 * After a 429 or a 5xx the login may not have ended: without its refresh cookie the client could
 * not log out again, and a stolen copy would stay valid for weeks.
 */
function clearCookies(headers: Headers, status: number, names: CookieNames): void {
  const setByService = new Set(headers.getSetCookie().map((cookie) => cookie.split("=")[0]));
  const [access, refresh] = clearTokenCookies(names);
  const canRetry = status === 429 || status >= 500;
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
