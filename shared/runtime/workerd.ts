import { trace } from "@opentelemetry/api";
import type { Application, Compose } from "../composition/upstream.ts";
import { runInvocation } from "../isolate.ts";
import { type Bindings, ConfigError } from "../composition/settings.ts";
import { createLogger, internalHeaders } from "../context/request_context.ts";
import { Problem, toProblemResponse } from "../problem.ts";
import {
  createTelemetry,
  registerContextManager,
  type RunningTelemetry,
} from "../telemetry/mod.ts";
import { newTrace } from "../telemetry/trace_context.ts";

/** What the runtime passes to each event besides its bindings. */
export interface ExecutionContext {
  /** Keeps the isolate alive for work that continues. */
  waitUntil(work: Promise<unknown>): void;
}

/** The handlers of a Worker. */
export interface Worker {
  /** Serves a request. */
  fetch(request: Request, bindings: Bindings, context: ExecutionContext): Promise<Response>;
  /** Runs the maintenance, by cron. */
  scheduled(event: unknown, bindings: Bindings, context: ExecutionContext): Promise<void>;
}

/**
 * Serves a composition on Workers. It is composed by the first event, since module scope may do no
 * I/O and make no random values; a composition that fails is retried by the next event.
 *
 * Until one succeeds, every request gets a 500 `internal` as problem details, also for a gateway:
 * without a composition there is no error format of its own yet. The log names the cause, in one
 * line.
 */
export function worker(compose: Compose): Worker {
  let composed: Promise<Composed> | undefined;

  async function application(bindings: Bindings): Promise<Composed> {
    composed ??= Promise.resolve().then(() => composeVisibly(compose, bindings));
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
      const composed = await application(bindings).catch(toRefusal);
      if (composed instanceof Response) return composed;
      const { app, telemetry } = composed;
      try {
        return await runInvocation(invocation, () => app.fetch(request));
      } finally {
        context.waitUntil(telemetry.flush());
      }
    },
    async scheduled(_event, bindings, context) {
      const composed = await application(bindings).catch(toRefusal);
      if (composed instanceof Response) return;
      const { app, telemetry } = composed;
      await runInvocation(
        { waitUntil: (work) => context.waitUntil(work) },
        () => app.maintain?.(),
      );
      await telemetry.flush();
    },
  };
}

interface Composed {
  readonly app: Application;
  readonly telemetry: RunningTelemetry;
}

async function composeVisibly(compose: Compose, bindings: Bindings): Promise<Composed> {
  const telemetry = createTelemetry(bindings, { runtime: "workerd", log: console.log });
  registerContextManager();
  // Libraries that use the OpenTelemetry API get our tracer; the runtime's own is removed first.
  trace.setGlobalTracerProvider(telemetry.tracerProvider);
  const sink = (line: string): void => {
    console.log(line);
    telemetry.logSink?.(line);
  };
  const app = await compose({ ...bindings, LOG_SINK: sink, TELEMETRY: telemetry });
  return { app, telemetry };
}

/** Logs the cause; the response contains no more than a trace id. */
function toRefusal(cause: unknown): Response {
  const { traceId } = newTrace();
  if (cause instanceof ConfigError) {
    console.error(cause.message);
  } else {
    const log = createLogger({ service: "worker", sink: console.error });
    log.error("Cannot start", { cause, traceId });
  }
  const response = toProblemResponse(new Problem("internal"), traceId);
  response.headers.set(internalHeaders.traceId, traceId);
  return response;
}
