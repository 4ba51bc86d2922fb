import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { MiddlewareHandler } from "hono";
import {
  internalHeaders,
  maxCallChain,
  readDeadlineMs,
  type RequestContext,
  runInContext,
} from "../context/request_context.ts";
import type { Logger } from "../log.ts";
import type { Passport, PassportVerifier, ShadowVerdict } from "../passport/mod.ts";
import { oncePerRequest } from "../isolate.ts";
import { Problem } from "../problem.ts";
import { toSecret } from "../crypto/secrets.ts";
import {
  bestEffort,
  isProbe,
  noopSpan,
  readTraceparent,
  readTracestate,
  type StartedSpan,
  startTracedSpan,
} from "../telemetry/trace_context.ts";
import { annotate } from "../context/measure.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type AnyContext, isResponseSent, type PassportEnv, respondToError } from "./api.ts";
import type { ServiceRuntime } from "./service_runtime.ts";

/**
 * A middleware that fits the types of every copy of Hono 4. An application with the copy of this
 * package has `c.var.passport` by inference; one with another copy declares it, by
 * `new Hono<PassportEnv>()`.
 */
export type PassportMiddleware =
  & ((c: AnyContext, next: () => Promise<void>) => Promise<Response | void>)
  // The last one: TypeScript infers an application's variables from the last signature.
  & MiddlewareHandler<PassportEnv>;

/** Options of {@link requirePassport}. */
export interface RequirePassportOptions {
  /** The service's name, as in logs. */
  readonly name: string;
  /** From `createServiceRuntime`. */
  readonly runtime: ServiceRuntime;
  /** Paths that require no Passport, for example health; they match the whole routed path. */
  readonly open?: readonly string[];
}

/**
 * Admits only callers with a valid Passport of the gateway, and opens the request's context.
 *
 * It verifies `X-Passport` (and `Txn-Token`, by the current configuration), sets the claims on
 * `c.var.passport`, and provides trace, deadline and Passport to `currentContext()`, to every log
 * line and to the service client. It works with any Hono app, whichever copy of Hono that app uses.
 * A failure becomes problem details (RFC 9457), unless the app itself has a response under 500 for
 * an error of its own. Requests are logged at `info`, open paths at `debug`.
 *
 * @throws {Problem} `passport_required`, `passport_invalid`, `upstream_timeout` if the caller's
 * time budget is used up
 */
export function requirePassport(
  { name, runtime, open = [] }: RequirePassportOptions,
): PassportMiddleware {
  const log = runtime.createLogger(name);
  const { verify, compare } = runtime.createVerifiers(name, log);
  const configuration = runtime.configuration(name);
  const { now, telemetry } = runtime;
  const openPaths = new Set(open);
  return oncePerRequest(async function requirePassport(c: AnyContext, next) {
    const context = openContext(c, { name, now, telemetry });
    await runInContext(context, async () => {
      const startedAt = performance.now();
      const isOpen = openPaths.has(c.req.path);
      let passport: Passport | undefined;
      let verdict: ShadowVerdict | undefined;
      try {
        const admitted = isOpen ? context : await admit(c, { context, verify, now });
        passport = admitted.passport;
        await configuration.observeVersion(passport?.cfg);
        if (passport) {
          // The comparison decides nothing, so its failure must not refuse a request.
          verdict = await compare(passport, admitted.txnToken ?? null).catch(() => undefined);
        }
        await runInContext(admitted, next);
        if (c.error && !isResponseSent(c.error, c.res)) c.res = respondToError(c.error, log);
      } catch (error) {
        c.res = respondToError(error, log);
      }
      if (verdict) c.header(internalHeaders.passportVerdict, verdict);
      const durationMs = performance.now() - startedAt;
      const { sub } = passport ?? {};
      const route = isOpen || passport ? bestEffort(() => readRoute(c)) : undefined;
      bestEffort(() => measureRequest(c, { context, telemetry, route, sub, durationMs }));
      bestEffort(() => logRequest(c, { write: isOpen ? log.debug : log.info, sub, durationMs }));
    });
  });
}

interface ActiveRequest extends RequestContext {
  readonly activeSpan: StartedSpan;
}

function openContext(
  c: AnyContext,
  { name, now, telemetry }: { name: string; now: () => number; telemetry: Telemetry },
): ActiveRequest {
  const from = readTraceparent(c.req.header(internalHeaders.traceparent));
  const state = from && readTracestate(c.req.header(internalHeaders.tracestate));
  const activeSpan = isProbe(c.req.path)
    ? noopSpan()
    : startTracedSpan(telemetry.tracer, c.req.method, {
      kind: SpanKind.SERVER,
      parent: from && (state === undefined ? from : { ...from, state }),
      attributes: { "edgepass.service": name },
    });
  const budgetMs = readDeadlineMs(c.req.header(internalHeaders.deadline) ?? null);
  const passed = (c.req.header(internalHeaders.callChain) ?? "").split(",").filter(Boolean);
  return {
    service: name,
    trace: activeSpan.trace,
    activeSpan,
    telemetry,
    ...(budgetMs === undefined ? {} : { deadline: now() + budgetMs }),
    callChain: [...passed.slice(-(maxCallChain - 1)), name],
    signal: c.req.raw.signal,
  };
}

async function admit(
  c: AnyContext,
  { context, verify, now }: {
    context: ActiveRequest;
    verify: PassportVerifier;
    now: () => number;
  },
): Promise<RequestContext> {
  const token = c.req.raw.headers.get(internalHeaders.passport);
  const txnToken = c.req.raw.headers.get(internalHeaders.txnToken);
  const passport = await verify(token, txnToken);
  annotate({ "edgepass.passport.verdict": "accepted", "edgepass.passport.jti": passport.jti });
  if (context.deadline !== undefined && context.deadline <= now()) {
    throw new Problem("upstream_timeout");
  }
  c.set("passport", passport);
  return {
    ...context,
    passport,
    ...(token === null ? {} : { passportToken: toSecret(token) }),
    ...(txnToken === null ? {} : { txnToken: toSecret(txnToken) }),
  };
}

/**
 * The pattern of the matched route. If none has matched, Hono returns the middleware's own pattern,
 * which has a `*`.
 *
 * Read from the request itself: the helper of `hono/route` reads a symbol that is private to its
 * copy of Hono, and throws for a context of another copy. A Hono version without the member has no
 * route.
 */
function readRoute({ req }: AnyContext): string | undefined {
  const route = req.routePath;
  return typeof route !== "string" || route.includes("*") ? undefined : route;
}

function measureRequest(
  c: AnyContext,
  { context, telemetry, route, sub, durationMs }: {
    context: ActiveRequest;
    telemetry: Telemetry;
    route: string | undefined;
    sub: string | undefined;
    durationMs: number;
  },
): void {
  const { method, path } = c.req;
  const { status } = c.res;
  const failure = status >= 500 ? String(status) : undefined;
  const { span } = context.activeSpan;
  telemetry.metrics.record("http.server.request.duration", {
    "edgepass.service": context.service,
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": failure,
  }, durationMs / 1000);
  if (!span.isRecording()) return;
  if (route !== undefined) span.updateName(`${method} ${route}`);
  span.setAttributes({
    "http.request.method": method,
    "url.path": path,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": failure,
    "user.id": sub,
    "edgepass.call_chain": [...context.callChain],
  });
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function logRequest(
  c: AnyContext,
  { write, sub, durationMs }: {
    write: Logger["info"];
    sub: string | undefined;
    durationMs: number;
  },
): void {
  write("Request served", {
    method: c.req.method,
    path: c.req.path,
    status: c.res.status,
    durationMs: Math.round(durationMs * 10) / 10,
    sub,
  });
}
