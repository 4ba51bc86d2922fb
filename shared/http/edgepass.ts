import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { type RequestContext, runInContext } from "../context.ts";
import type { Logger } from "../log.ts";
import type { Passport, PassportVerifier } from "../passport/mod.ts";
import { internalHeaders, maxCallChain, readDeadlineMs } from "../internal_headers.ts";
import { Problem } from "../problem.ts";
import { childSpan, newTrace, readTraceparent } from "../trace_context.ts";
import { isAnswered, respondToError } from "./respond_to_error.ts";
import type { Starter } from "./starter.ts";

/** What the middleware puts on `c.var`. */
export type PassportEnv = { Variables: { passport: Passport } };

/** What the middleware needs to know. */
export interface EdgepassOptions {
  /** The service's name, as in logs. */
  readonly name: string;
  /** From `createStarter`. */
  readonly starter: Starter;
  /** Paths that ask for no Passport, whole, as the router sees them; for health and the like. */
  readonly open?: readonly string[];
}

/**
 * Admits only callers the gateway vouches for, and opens the request's context.
 *
 * It verifies `X-Passport`, puts the claims on `c.var.passport`, and makes trace, deadline and
 * Passport known to `currentContext()`, to every log line and to the service client. It serves
 * any Hono app; a failure is answered as problem details (RFC 9457), unless the app itself has an
 * answer under 500 for an error of its own. Requests are logged at `info`, open paths at `debug`.
 *
 * @throws {Problem} `passport_required`, `passport_invalid`, `upstream_timeout` when the caller's
 * budget is used up
 */
export function edgepass(
  { name, starter, open = [] }: EdgepassOptions,
): MiddlewareHandler<PassportEnv> {
  const log = starter.createLogger(name);
  const verify = starter.createVerifier(log);
  const { now } = starter;
  const openPaths = new Set(open);
  return createMiddleware<PassportEnv>(async function edgepass(c, next) {
    const opened = openContext(c, { name, now });
    await runInContext(opened, async () => {
      const startedAt = performance.now();
      const isOpen = openPaths.has(c.req.path);
      try {
        const context = isOpen ? opened : await admit(c, { opened, verify, now });
        await runInContext(context, next);
        if (c.error && !isAnswered(c.error, c.res)) c.res = respondToError(c.error, log);
      } catch (error) {
        c.res = respondToError(error, log);
      }
      const durationMs = performance.now() - startedAt;
      logRequest(c, { write: isOpen ? log.debug : log.info, durationMs });
    });
  });
}

function openContext(
  c: Context,
  { name, now }: { name: string; now: () => number },
): RequestContext {
  const parent = readTraceparent(c.req.header(internalHeaders.traceparent));
  const budgetMs = readDeadlineMs(c.req.header(internalHeaders.deadline) ?? null);
  const passed = (c.req.header(internalHeaders.callChain) ?? "").split(",").filter(Boolean);
  return {
    service: name,
    trace: parent ? childSpan(parent) : newTrace(),
    ...(budgetMs === undefined ? {} : { deadline: now() + budgetMs }),
    callChain: [...passed.slice(-(maxCallChain - 1)), name],
    signal: c.req.raw.signal,
  };
}

async function admit(
  c: Context<PassportEnv>,
  { opened, verify, now }: {
    opened: RequestContext;
    verify: PassportVerifier;
    now: () => number;
  },
): Promise<RequestContext> {
  const token = c.req.raw.headers.get(internalHeaders.passport);
  const passport = await verify(token);
  if (opened.deadline !== undefined && opened.deadline <= now()) {
    throw new Problem("upstream_timeout");
  }
  c.set("passport", passport);
  return { ...opened, passport, ...(token === null ? {} : { passportToken: token }) };
}

function logRequest(
  c: Context<PassportEnv>,
  { write, durationMs }: { write: Logger["info"]; durationMs: number },
): void {
  write("Request served", {
    method: c.req.method,
    path: c.req.path,
    status: c.res.status,
    durationMs: Math.round(durationMs * 10) / 10,
    sub: c.get("passport")?.sub,
  });
}
