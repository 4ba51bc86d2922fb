import { ApiFailure } from "./api_client.ts";

/** Waits between two tries; a minute and a half in all, longer than a breaker stays open. */
const pausesMs = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000] as const;

/**
 * Repeats an operation while the system responds 503: a database or Redis that is away for a moment
 * must not end a comparison that has run for minutes.
 *
 * @throws whatever the last try threw
 */
export async function retryWhileAway<Result>(
  pause: (ms: number) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  for (const ms of pausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiFailure && error.status === 503)) throw error;
      await pause(ms);
    }
  }
  return await work();
}
