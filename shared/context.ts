import { AsyncLocalStorage } from "node:async_hooks";
import type { Passport } from "./passport/mod.ts";
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
  readonly passportToken?: string;
  /** When the caller stops waiting, epoch milliseconds. */
  readonly deadline?: number;
  /** The services passed so far, for logs and loop detection. */
  readonly callChain: readonly string[];
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

// The storage is a slot, not state: what it holds is bound to the running request.
const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `serve` with the context of one request. */
export function runInContext<Result>(context: RequestContext, serve: () => Result): Result {
  return storage.run(context, serve);
}

/** The context of the request that is being served, or undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
