import { currentContext } from "../context.ts";
import { count } from "../telemetry/in_context.ts";
import type { BreakerState } from "./circuit_breaker.ts";

/** Counts what happens to the calls of one dependency, in the context of the request that calls. */
export interface Instrumentation {
  /** The breaker changed. */
  transition(to: BreakerState, from: BreakerState): void;
  /** A call was refused before it was made. */
  refused(reason: "breaker" | "bulkhead"): void;
  /** A call is sent once more. */
  retried(): void;
}

/** Makes the watch of a dependency. */
export function createInstrumentation(dependency: string): Instrumentation {
  // What counted a breaker as open also counts it as closed, whoever is served by then.
  let close: (() => void) | undefined;
  const labels = () => ({
    "edgepass.service": currentContext()?.service,
    "edgepass.peer": dependency,
  });
  return {
    transition(to, from) {
      const attributes = labels();
      count("edgepass.breaker.transitions", { ...attributes, "edgepass.breaker.state": to });
      const metrics = currentContext()?.telemetry?.metrics;
      if (from === "closed") {
        metrics?.move("edgepass.breaker.open", attributes, 1);
        close = () => metrics?.move("edgepass.breaker.open", attributes, -1);
      } else if (to === "closed") {
        close?.();
        close = undefined;
      }
    },
    refused: (reason) =>
      count("edgepass.resilience.refusals", { ...labels(), "edgepass.reason": reason }),
    retried: () => count("edgepass.resilience.retries", labels()),
  };
}
