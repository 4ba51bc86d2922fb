import { background } from "../background.ts";

/** In milliseconds: from one reload to the next, the same without an answer, and to wait for it. */
const limits = { everyMs: 30_000, retryMs: 1_000, waitMs: 2_000 } as const;

/**
 * Makes a reload that runs once in 30 s at most, or once a second while `load` answers false: then
 * nothing was learned, and refusing good Passports for half a minute would help nobody. Who comes
 * while it runs waits for it, and shares nothing of it but that it is over.
 */
export function createReload(
  load: () => Promise<boolean>,
  { now }: { readonly now: () => number },
): () => Promise<void> {
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let isLoaded = false;
  /** A clock that was set back must not silence reloads until it has caught up. */
  const isWithin = (ms: number): boolean => Math.abs(now() - triedAt) < ms;

  return async function reload() {
    if (loading) return await patiently(loading);
    if (isWithin(isLoaded ? limits.everyMs : limits.retryMs)) return;
    triedAt = now();
    isLoaded = false;
    const mine = load().then((answered) => void (isLoaded = answered)).finally(() => {
      if (loading === mine) loading = undefined;
    });
    loading = mine;
    background(mine, () => {});
    await patiently(mine);
  };

  /** Workers may drop the request that loads, and its promise then never settles. */
  async function patiently(work: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      if (loading === work) loading = undefined;
      resolve();
    }, limits.waitMs);
    try {
      await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
