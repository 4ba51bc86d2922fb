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
  const { now, telemetry } = runtime;
  const log = runtime.createLogger(name);
  const openPaths = new Set(open);
  const serve = inOrder([
    logRequest(log),
    measureRequest(telemetry),
    respondToFailure(log),
    admitCaller({ name, runtime, log }),
  ]);
  return oncePerRequest(async function requirePassport(c: AnyContext, next) {
    const context = openContext(c, { name, now, telemetry });
    const isOpen = openPaths.has(c.req.path);
    const request = { c, context, isOpen, startedAt: performance.now() };
    await runInContext(context, () => serve(request, next));
  });
}

/** One request, as the middleware below pass it on. */
interface ServedRequest {
  readonly c: AnyContext;
  /** Its context before the caller is admitted. */
  readonly context: ActiveRequest;
  /** Whether its path requires no Passport. */
  readonly isOpen: boolean;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** The admitted caller. */
  passport?: Passport;
  /** How the Passport that authorises compares with the one beside it. */
  verdict?: ShadowVerdict;
}

/** One concern of a request, around what comes after it. */
type Middleware = (request: ServedRequest, next: () => Promise<void>) => Promise<void>;

/** The first is the outermost. */
function inOrder(middleware: readonly Middleware[]): Middleware {
  return middleware.reduceRight<Middleware>(
    (inner, outer) => (request, next) => outer(request, () => inner(request, next)),
    (_request, next) => next(),
  );
}

function respondToFailure(log: Logger): Middleware {
  return async function respondToFailure(request, next) {
    const { c } = request;
    try {
      await next();
      if (c.error && !isResponseSent(c.error, c.res)) c.res = respondToError(c.error, log);
    } catch (error) {
      c.res = respondToError(error, log);
    }
    if (request.verdict) c.header(internalHeaders.passportVerdict, request.verdict);
  };
}

function admitCaller(
  { name, runtime, log }: Pick<RequirePassportOptions, "name" | "runtime"> & { log: Logger },
): Middleware {
  const { verify, compare } = runtime.createVerifiers(name, log);
  const configuration = runtime.configuration(name);
  const { now } = runtime;
  return async function admitCaller(request, next) {
    const { c, context, isOpen } = request;
    const admitted = isOpen ? context : await admit(c, { context, verify, now });
    const { passport, txnToken = null } = admitted;
    if (passport) request.passport = passport;
    await configuration.observeVersion(passport?.cfg);
    if (passport) {
      // The comparison decides nothing, so its failure must not refuse a request.
      const verdict = await compare(passport, txnToken).catch(() => undefined);
      if (verdict) request.verdict = verdict;
    }
    await runInContext(admitted, next);
  };
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

function measureRequest({ metrics }: Telemetry): Middleware {
  return async function measureRequest(request, next) {
    await next();
    bestEffort(() => record(request, metrics));
  };
}

function record(
  { c, context, isOpen, passport, startedAt }: ServedRequest,
  metrics: Telemetry["metrics"],
): void {
  const { method, path } = c.req;
  const { status } = c.res;
  // A refused request has reached no route.
  const route = isOpen || passport ? bestEffort(() => readRoute(c)) : undefined;
  const failure = status >= 500 ? String(status) : undefined;
  const { span } = context.activeSpan;
  metrics.record("http.server.request.duration", {
    "edgepass.service": context.service,
    "http.request.method": method,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": failure,
  }, (performance.now() - startedAt) / 1000);
  if (!span.isRecording()) return;
  if (route !== undefined) span.updateName(`${method} ${route}`);
  span.setAttributes({
    "http.request.method": method,
    "url.path": path,
    "http.route": route,
    "http.response.status_code": status,
    "error.type": failure,
    "user.id": passport?.sub,
    "edgepass.call_chain": [...context.callChain],
  });
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function logRequest(log: Logger): Middleware {
  return async function logRequest(request, next) {
    await next();
    const { c, isOpen, passport, startedAt } = request;
    const write = isOpen ? log.debug : log.info;
    bestEffort(() =>
      write("Request served", {
        method: c.req.method,
        path: c.req.path,
        status: c.res.status,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        sub: passport?.sub,
      })
    );
  };
}
