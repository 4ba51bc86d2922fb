import { isProbe, type Logger, type Telemetry } from "@edgepass/shared/telemetry";
import type { AccessToken } from "@edgepass/shared/tokens";
import { type Span, SpanStatusCode } from "@opentelemetry/api";
import type { Context } from "hono";
import { describeToken } from "./authenticate.ts";
import type { Credentials } from "./credentials.ts";
import type { GatewayEnv } from "./observe.ts";
import type { AccessRule } from "./routes.ts";
import type { Steps } from "./steps.ts";

export interface ReportOptions {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly span: Span;
  readonly durationMs: number;
}

/** Reports the outcome of a request: its log line, its span, its metrics. */
export function reportRequest(
  c: Context<GatewayEnv>,
  { log, telemetry, span, durationMs }: ReportOptions,
): void {
  const { method } = c.req;
  const { status } = c.res;
  const route = c.get("route");
  const code = c.get("code");
  const path = c.get("target")?.path;
  if (span.isRecording()) endSpan(c, span, { method, status, route, code, path });
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
  const bearer = c.get("bearer");
  // Probes come every few seconds: at info level they would hide the traffic.
  const write = path !== undefined && isProbe(path) ? log.debug : log.info;
  const hasSteps = status >= 500 || durationMs >= telemetry.slowMs;
  write("Request answered", {
    method,
    path,
    route,
    status,
    code,
    sub: bearer?.sub,
    issuer: bearer?.alias,
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
}

function endSpan(
  c: Context<GatewayEnv>,
  span: Span,
  { method, status, route, code, path }: Outcome,
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
