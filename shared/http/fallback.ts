import type { FallbackResult } from "../resilience/fallback.ts";
import type { AnyContext } from "./require_passport.ts";

/** Methods that change nothing (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Marks a response that is not live: `X-Fallback: cache; age=12` or `default`. A live response has
 * no such header.
 *
 * @throws {TypeError} for an unsafe method: a change has no fallback
 */
export function markFallback(
  c: Pick<AnyContext, "req" | "header">,
  { source, ageSeconds }: Pick<FallbackResult<unknown>, "source" | "ageSeconds">,
): void {
  if (!safe.has(c.req.method)) {
    throw new TypeError(`Cannot mark a fallback: ${c.req.method} is not a safe method`);
  }
  if (source === "live") return;
  c.header("x-fallback", ageSeconds === undefined ? source : `${source}; age=${ageSeconds}`);
}
