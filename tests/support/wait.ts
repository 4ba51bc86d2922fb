import assert from "node:assert/strict";

/**
 * The result of something that a missing control would let hang: then the test fails instead of
 * waiting for ever. The bound is generous, since it only tells a hang from a slow machine.
 */
export async function within<Result>(
  what: string,
  work: PromiseLike<Result>,
  timeoutMs = 10_000,
): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const error = new assert.AssertionError({ message: `Waited ${timeoutMs} ms in vain: ${what}` });
  const timer = setTimeout(() => reject(error), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until something holds; fails when it does not in time. */
export async function waitUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await holds()) {
    if (performance.now() > deadline) assert.fail(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
