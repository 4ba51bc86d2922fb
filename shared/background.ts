import { isolateStorage } from "./isolate_storage.ts";

/** What the runtime offers while one request from outside is served. */
export interface Invocation {
  /** Keeps the isolate alive for work that goes on after the answer. */
  waitUntil(work: Promise<unknown>): void;
  /** Address of the other end of the connection, where the runtime knows it. */
  readonly peerAddress?: string;
}

const storage = isolateStorage<Invocation>("invocation");

/** Serves a request with what its runtime offers; every service in this isolate sees it. */
export function runInvocation<Result>(invocation: Invocation, serve: () => Result): Result {
  return storage.run(invocation, serve);
}

/** What the runtime offers to the request that is being served. */
export function currentInvocation(): Invocation | undefined {
  return storage.getStore();
}

/**
 * Lets work go on after the answer; its failure goes to `onError` and nowhere else.
 *
 * Nothing that must happen may depend on it alone: an isolate can be evicted at any time.
 */
export function background(work: Promise<unknown>, onError: (error: unknown) => void): void {
  const settled = work.catch(onError);
  storage.getStore()?.waitUntil(settled);
}
