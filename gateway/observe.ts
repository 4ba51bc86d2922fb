import { currentContext, type RequestContext, runInContext } from "@edgepass/shared/context";
import type { Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import type { AccessToken } from "@edgepass/shared/tokens";
import { childSpan, newTrace, readTraceparent } from "@edgepass/shared/trace-context";
import type { Context, ErrorHandler, MiddlewareHandler } from "hono";
import { refusalResponse, wantsProblem } from "./failure.ts";
import type { OriginPolicy } from "./origin_policy.ts";
import type { Target } from "./target.ts";

/** What the steps of one request leave for the next ones and for its log line. */
export type GatewayEnv = {
  Variables: { target: Target; route: string; bearer: AccessToken; code: string };
};

export interface ObserveOptions {
  readonly log: Logger;
  readonly origins: OriginPolicy;
  /** Whether the public origin is https. */
  readonly secure: boolean;
}

/**
 * Opens the trace of a request, sets the headers that every answer has, and writes its line.
 *
 * A valid `traceparent` is continued (W3C Trace Context §3.2): it correlates and never authorises.
 */
export function observe(
  { log, origins, secure }: ObserveOptions,
): MiddlewareHandler<GatewayEnv> {
  return async function observe(c, next) {
    const parent = readTraceparent(c.req.raw.headers.get("traceparent"));
    const context: RequestContext = {
      service: "gateway",
      trace: parent ? childSpan(parent) : newTrace(),
      callChain: ["gateway"],
      signal: c.req.raw.signal,
    };
    await runInContext(context, async () => {
      const startedAt = performance.now();
      await next();
      const { headers } = c.res;
      headers.set("x-trace-id", context.trace.traceId);
      headers.set("x-content-type-options", "nosniff");
      if (secure) headers.set("strict-transport-security", "max-age=31536000");
      origins.allow(c.req.raw, headers);
      logRequest(c, log, performance.now() - startedAt);
    });
  };
}

/** Answers what a step refused; what nobody foresaw is `internal`, and its cause is only logged. */
export function toFailure(log: Logger): ErrorHandler<GatewayEnv> {
  return function failure(error, c) {
    const problem = error instanceof Problem ? error : new Problem("internal", { cause: error });
    // A client that left makes its own call fail.
    if (problem.status >= 500 && !c.req.raw.signal.aborted) {
      log.error(problem.title, { code: problem.code, cause: problem.cause });
    }
    c.set("code", problem.code);
    const traceId = currentContext()?.trace.traceId ?? newTrace().traceId;
    return refusalResponse(problem, { traceId, asProblem: wantsProblem(c.req.raw) });
  };
}

const probes: ReadonlySet<string | undefined> = new Set(["/livez", "/readyz"]);

function logRequest(c: Context<GatewayEnv>, log: Logger, durationMs: number): void {
  const bearer = c.get("bearer");
  // Probes come every few seconds and say nothing of the traffic.
  const write = probes.has(c.get("target")?.path) ? log.debug : log.info;
  write("Request answered", {
    method: c.req.method,
    path: c.get("target")?.path,
    route: c.get("route"),
    status: c.res.status,
    code: c.get("code"),
    sub: bearer?.sub,
    issuer: bearer?.alias,
    durationMs: Math.round(durationMs * 10) / 10,
  });
}
