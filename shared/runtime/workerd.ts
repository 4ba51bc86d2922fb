import type { Application, Compose } from "../application.ts";
import { runInvocation } from "../background.ts";
import { type Bindings, ConfigError } from "../config.ts";
import { internalHeaders } from "../internal_headers.ts";
import { createLogger } from "../log.ts";
import { Problem, toProblemResponse } from "../problem.ts";
import { newTrace } from "../trace_context.ts";

/** What the runtime gives each event beside its bindings. */
export interface ExecutionContext {
  /** Keeps the isolate alive for work that goes on. */
  waitUntil(work: Promise<unknown>): void;
}

/** The handlers of a Worker. */
export interface Worker {
  /** Answers a request. */
  fetch(request: Request, bindings: Bindings, context: ExecutionContext): Promise<Response>;
  /** Sweeps, by cron. */
  scheduled(event: unknown, bindings: Bindings, context: ExecutionContext): Promise<void>;
}

/**
 * Serves a composition on Workers. It is composed by the first event, since module scope may do no
 * I/O and make no random values; a composition that fails is tried again by the next one.
 *
 * Until one succeeds requests are answered 500 `internal` as problem details, a gateway's too: what
 * cannot be composed has no form of its own yet. The log says why, in one line.
 */
export function worker(compose: Compose): Worker {
  let composed: Promise<Application> | undefined;

  async function application(bindings: Bindings): Promise<Application> {
    composed ??= Promise.resolve().then(() => compose(bindings));
    try {
      return await composed;
    } catch (error) {
      composed = undefined;
      throw error;
    }
  }

  return {
    async fetch(request, bindings, context) {
      const peerAddress = request.headers.get("cf-connecting-ip");
      const invocation = {
        waitUntil: (work: Promise<unknown>) => context.waitUntil(work),
        ...(peerAddress === null ? {} : { peerAddress }),
      };
      const app = await application(bindings).catch(toRefusal);
      if (app instanceof Response) return app;
      return await runInvocation(invocation, () => app.fetch(request));
    },
    async scheduled(_event, bindings, context) {
      const app = await application(bindings).catch(toRefusal);
      if (app instanceof Response) return;
      await runInvocation(
        { waitUntil: (work) => context.waitUntil(work) },
        () => app.sweep?.(),
      );
    },
  };
}

/** Says why in the log, and nothing to the caller but where to look. */
function toRefusal(cause: unknown): Response {
  const { traceId } = newTrace();
  if (cause instanceof ConfigError) console.error(cause.message);
  else {createLogger({ service: "worker", sink: console.error }).error("Cannot start", {
      cause,
      traceId,
    });}
  const response = toProblemResponse(new Problem("internal"), traceId);
  response.headers.set(internalHeaders.traceId, traceId);
  return response;
}
