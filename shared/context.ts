import { context as contextApi, trace as traceApi } from "@opentelemetry/api";
import { isolateStorage } from "./isolate_storage.ts";
import type { Passport } from "./passport/mod.ts";
import type { Secret } from "./secret.ts";
import { bestEffort } from "./telemetry/best_effort.ts";
import type { StartedSpan } from "./telemetry/start_span.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { TraceContext } from "./trace_context.ts";

/** What belongs to one request in one service; it never outlives the request. */
export interface RequestContext {
  /** The service that serves the request. */
  readonly service: string;
  /** The trace of the request, and this service's span in it. */
  readonly trace: TraceContext;
  /** The verified claims; absent where no Passport is asked for, as for health. */
  readonly passport?: Passport;
  /** The bytes of the Passport as they came, for calls to other services. Never logged. */
  readonly passportToken?: Secret;
  /** The bytes of the `Txn-Token` that came with it, for calls to other services. Never logged. */
  readonly txnToken?: Secret;
  /** When the caller stops waiting, epoch milliseconds. */
  readonly deadline?: number;
  /** The services passed so far, for logs and loop detection. */
  readonly callChain: readonly string[];
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
  /** The span that serves the request here; what it calls is part of it. */
  readonly activeSpan?: StartedSpan;
  /** Where the request's spans and measurements go. */
  readonly telemetry?: Telemetry;
}

// The storage is a slot, not state: what it holds is bound to the running request.
const storage = isolateStorage<RequestContext>("request-context");

/** Runs `serve` with the context of one request; its span is the active one of the OpenTelemetry API. */
export function runInContext<Result>(context: RequestContext, serve: () => Result): Result {
  const span = context.activeSpan?.span;
  if (!span || !bestEffort(() => span.isRecording())) return storage.run(context, serve);
  const active = traceApi.setSpan(contextApi.active(), span);
  return contextApi.with(active, () => storage.run(context, serve));
}

/** The context of the request that is being served, or undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
