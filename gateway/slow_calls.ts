import type { RouteTable } from "./routes.ts";

/** An upstream whose calls count as slow before the time limit of one of its routes. */
export interface SlowCallConflict {
  readonly upstream: string;
  readonly slowCallMs: number;
  readonly longestTimeoutMs: number;
}

/** The upstreams whose `breaker.slowCallMs` is below the longest `timeoutMs` of their routes. */
export function findSlowCallConflicts(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): SlowCallConflict[] {
  const upstreams = new Set(table.routes.map(({ upstream }) => upstream.name));
  return [...upstreams].flatMap((upstream) => {
    const slowCallMs = slowCallMsOf(upstream);
    const longestTimeoutMs = table.longestTimeoutMs(upstream);
    if (slowCallMs === undefined || longestTimeoutMs === undefined) return [];
    return slowCallMs < longestTimeoutMs ? [{ upstream, slowCallMs, longestTimeoutMs }] : [];
  });
}

/**
 * Refuses to start with policies that contradict the routes: the operator must fix one of the two
 * now, and not during an outage when the breaker opens.
 *
 * @throws {RangeError} naming the upstream
 */
export function requireNoSlowCallConflict(
  table: RouteTable,
  slowCallMsOf: (upstream: string) => number | undefined,
): void {
  const [found] = findSlowCallConflicts(table, slowCallMsOf);
  if (!found) return;
  const { upstream, slowCallMs, longestTimeoutMs } = found;
  throw new RangeError(
    `Cannot start: slowCallMs of ${upstream} is ${slowCallMs}: it must be at least ` +
      `the longest timeoutMs of its routes, ${longestTimeoutMs}`,
  );
}
