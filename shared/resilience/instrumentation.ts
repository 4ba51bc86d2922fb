import { currentContext } from "../context/request_context.ts";
import { count } from "../context/measure.ts";
import type { BreakerState } from "./circuit_breaker.ts";

/** Counts the events of one dependency's calls, in the context of the calling request. */
export interface Instrumentation {
  /** The breaker changed its state. */
  transition(to: BreakerState, from: BreakerState): void;
  /** A call was refused before it was sent. */
  refused(reason: "breaker" | "bulkhead"): void;
  /** A call is retried. */
  retried(): void;
}

/** Creates the instrumentation of a dependency. */
export function createInstrumentation(dependency: string): Instrumentation {
  // The metrics that counted a breaker as open also count it as closed, whichever request closes
  // it.
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
