import type { Person } from "./environment.ts";

/** What a crowd does. */
export interface CrowdPlan {
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
  /** Shared out among the connections; each speaks for one person all the time. */
  readonly people: readonly Person[];
  readonly connections: number;
  /** Requests of all together. */
  readonly perSecond: number;
  readonly ms: number;
}

/** What came of it. */
export interface CrowdTally {
  /** Answers by `status code`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Milliseconds of the good ones. */
  readonly goodMs: Float64Array;
  /** Good ones in each second since the beginning. */
  readonly goodBySecond: readonly number[];
  /** Good ones that were somebody else's. */
  readonly wrongIdentity: number;
  /** Refusals as 429 or 503 that did not say when to come again. */
  readonly withoutRetryAfter: number;
  /** Requests that were due while every connection waited for an answer. */
  readonly nobodyFree: number;
  readonly tookMs: number;
}

/**
 * Sends a crowd, from a thread of its own: the thread that plays Redis and the services must not be
 * the one that is late.
 */
export async function sendCrowd(
  { origin, ...plan }: Omit<CrowdPlan, "hostname" | "port"> & { readonly origin: string },
): Promise<CrowdTally> {
  const worker = new Worker(new URL("./crowd_worker.ts", import.meta.url), { type: "module" });
  const { hostname, port } = new URL(origin);
  const { promise, resolve, reject } = Promise.withResolvers<CrowdTally>();
  worker.onmessage = ({ data }: MessageEvent<CrowdTally>) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`The crowd is gone: ${event.message}`));
  };
  const told: CrowdPlan = { ...plan, hostname, port: Number(port) };
  worker.postMessage(told);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

/** Good answers a second, over the whole time. */
export function goodput({ goodMs, tookMs }: CrowdTally): number {
  return goodMs.length / tookMs * 1000;
}
