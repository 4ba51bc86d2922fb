import { isolateStorage } from "./isolate_storage.ts";

/** The runtime's services during one request from outside. */
export interface Invocation {
  /** Keeps the isolate alive for work that continues after the response. */
  waitUntil(work: Promise<unknown>): void;
  /** The peer's address of the connection, where the runtime provides it. */
  readonly peerAddress?: string;
}

const storage = isolateStorage<Invocation>("invocation");

/** Serves a request with its runtime's services; every service in this isolate can read them. */
export function runInvocation<Result>(invocation: Invocation, serve: () => Result): Result {
  return storage.run(invocation, serve);
}

/** The runtime's services for the current request. */
export function currentInvocation(): Invocation | undefined {
  return storage.getStore();
}

/**
 * Lets work continue after the response; its failure goes to `onError` only.
 *
 * Nothing mandatory may depend on it: an isolate can be evicted at any time.
 */
export function background(work: Promise<unknown>, onError: (error: unknown) => void): void {
  const settled = work.catch(onError);
  storage.getStore()?.waitUntil(settled);
}
