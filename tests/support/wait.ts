import assert from "node:assert/strict";

/**
 * The result of a promise that would never settle without the control under test: then the test fails
 * instead of hanging. The limit is generous, because it only distinguishes a hang from a slow machine.
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

/** Repeats a check until it is true; fails after the time limit. */
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
