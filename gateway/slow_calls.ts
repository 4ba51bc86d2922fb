import type { RouteTable } from "./routes.ts";

/** An upstream that would be found slow before a route of its has given up on it. */
export interface ImpatientLimit {
  readonly upstream: string;
  readonly slowCallMs: number;
  readonly longestTimeoutMs: number;
}

/** What is set of upstreams' `breaker.slowCallMs` and lies below the `timeoutMs` of their routes. */
export function findImpatientLimits(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): ImpatientLimit[] {
  const upstreams = new Set(table.routes.map(({ upstream }) => upstream.name));
  return [...upstreams].flatMap((upstream) => {
    const slowCallMs = slowCallMsOf(upstream);
    const longestTimeoutMs = table.longestTimeoutMs(upstream);
    if (slowCallMs === undefined || longestTimeoutMs === undefined) return [];
    return slowCallMs < longestTimeoutMs ? [{ upstream, slowCallMs, longestTimeoutMs }] : [];
  });
}

/**
 * Refuses a program whose policies contradict its routes: which of the two was meant is for its
 * operator to say, and not at night when the breaker opens.
 *
 * @throws {RangeError} naming the upstream
 */
export function requirePatience(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): void {
  const [found] = findImpatientLimits(table, slowCallMsOf);
  if (!found) return;
  const { upstream, slowCallMs, longestTimeoutMs } = found;
  throw new RangeError(
    `Cannot start: slowCallMs of ${upstream} is ${slowCallMs}: it must be at least ` +
      `the longest timeoutMs of its routes, ${longestTimeoutMs}`,
  );
}
