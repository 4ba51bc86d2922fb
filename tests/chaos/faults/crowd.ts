import type { Person } from "./environment.ts";

/** The plan of a crowd. */
export interface CrowdPlan {
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
  /** Distributed over the connections; each connection belongs to one user. */
  readonly people: readonly Person[];
  readonly connections: number;
  /** Requests of the whole crowd. */
  readonly perSecond: number;
  readonly ms: number;
}

/** The result of a crowd. */
export interface CrowdTally {
  /** Responses by `status code`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Durations of the successful responses in milliseconds. */
  readonly goodMs: Float64Array;
  /** Successful responses in each second since the start. */
  readonly goodBySecond: readonly number[];
  /** Successful responses with another user's data. */
  readonly wrongIdentity: number;
  /** Refusals by 429 or 503 without Retry-After. */
  readonly withoutRetryAfter: number;
  /** Requests that were due while every connection waited for a response. */
  readonly allBusy: number;
  readonly tookMs: number;
}

/**
 * Runs a crowd in its own thread: the thread that plays Redis and the services must not be delayed by
 * it.
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
  const request: CrowdPlan = { ...plan, hostname, port: Number(port) };
  worker.postMessage(request);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

/** Successful responses a second, over the whole time. */
export function goodput({ goodMs, tookMs }: CrowdTally): number {
  return goodMs.length / tookMs * 1000;
}
