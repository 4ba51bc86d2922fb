import type { Application } from "../application.ts";
import { runInvocation } from "../background.ts";
import { type Bindings, ConfigError } from "../config.ts";
import { Problem, toProblemResponse } from "../problem.ts";
import { newTrace } from "../trace_context.ts";

/** Makes an application of what the deployment hands over. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;

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
 */
export function worker(compose: Compose): Worker {
  let composed: Promise<Application> | undefined;

  async function application(bindings: Bindings): Promise<Application> {
    composed ??= Promise.resolve().then(() => compose(bindings));
    try {
      return await composed;
    } catch (error) {
      composed = undefined;
      console.error(error instanceof ConfigError ? error.message : error);
      throw new Problem("internal", { cause: error });
    }
  }

  return {
    async fetch(request, bindings, context) {
      const peerAddress = request.headers.get("cf-connecting-ip");
      const invocation = {
        waitUntil: (work: Promise<unknown>) => context.waitUntil(work),
        ...(peerAddress === null ? {} : { peerAddress }),
      };
      try {
        const app = await application(bindings);
        return await runInvocation(invocation, () => app.fetch(request));
      } catch (error) {
        if (error instanceof Problem) return toProblemResponse(error, newTrace().traceId);
        throw error;
      }
    },
    async scheduled(_event, bindings, context) {
      const app = await application(bindings);
      await runInvocation(
        { waitUntil: (work) => context.waitUntil(work) },
        () => app.sweep?.(),
      );
    },
  };
}
