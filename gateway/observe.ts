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

/** What the steps of one request leave for the next ones and for its report. */
export type GatewayEnv = {
  Bindings: {
    /** Ends the turn of a request that was let in. */
    decided?: (() => void) | undefined;
  };
  Variables: {
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

/** Opens the trace of a request, sets the headers that every answer has, and reports on it at the end. */
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
        clearCookies(headers, cookieNames);
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

/** What the identity provider says of its cookies stands. */
function clearCookies(headers: Headers, names: CookieNames): void {
  const said = new Set(headers.getSetCookie().map((cookie) => cookie.split("=")[0]));
  for (const cookie of clearTokenCookies(names)) {
    if (!said.has(cookie.split("=")[0])) headers.append("set-cookie", cookie);
  }
}

/**
 * A valid `traceparent` is continued (W3C Trace Context §3.2), or linked where traces start here: it
 * correlates and never authorises, and its sampled flag decides nothing.
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

/** Answers what a step refused; what nobody foresaw is `internal`, and its cause is only logged. */
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

/** A client that left makes its own call fail. */
function toProblem(error: unknown, { aborted }: AbortSignal): Problem {
  const problem = error instanceof Problem ? error : new Problem("internal", { cause: error });
  return aborted && problem.status >= 500
    ? new Problem("client_closed_request", { cause: error })
    : problem;
}
