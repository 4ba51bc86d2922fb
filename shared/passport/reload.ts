import { background } from "../isolate/invocation.ts";

/** In milliseconds. */
const limits = {
  /** From one reload to the next. */
  everyMs: 30_000,
  /** From a failed reload to the next. */
  retryMs: 1_000,
  /** Longest wait for a reload. */
  waitMs: 2_000,
} as const;

/**
 * Makes a reload that runs once in 30 s at most, or once a second while `load` resolves to false: a
 * failed reload must not refuse valid Passports for half a minute. A caller during a reload waits
 * for it, and shares nothing but its end.
 */
export function createReload(
  load: () => Promise<boolean>,
  { now }: { readonly now: () => number },
): () => Promise<void> {
  let loading: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let isLoaded = false;
  /** A clock that was set back must not suppress reloads until it catches up. */
  const isWithin = (ms: number): boolean => Math.abs(now() - triedAt) < ms;

  return async function reload() {
    if (loading) return await waitFor(loading);
    if (isWithin(isLoaded ? limits.everyMs : limits.retryMs)) return;
    triedAt = now();
    isLoaded = false;
    const own = load().then((loaded) => void (isLoaded = loaded)).finally(() => {
      if (loading === own) loading = undefined;
    });
    loading = own;
    background(own, () => {});
    await waitFor(own);
  };

  /** Workers may cancel the request that loads, and its promise then never settles. */
  async function waitFor(work: Promise<void>): Promise<void> {
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
