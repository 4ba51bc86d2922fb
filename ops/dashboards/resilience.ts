import type { DashboardPlan } from "../dashboard.ts";
import { level, rate } from "../promql.ts";

const byCall = ["edgepass.service", "edgepass.peer"] as const;

/** Open breakers, retries, and fallbacks. */
export const resilience: DashboardPlan = {
  uid: "edgepass-resilience",
  title: "Edgepass / Resilience",
  description: "Circuit breakers, refused calls, retries and fallbacks, by caller and dependency.",
  rows: {
    "Circuit breakers": [
      {
        title: "Not closed",
        description: "Breakers are per isolate: a single open one among many needs no action.",
        series: [level("edgepass.breaker.open", { by: byCall })],
      },
      {
        title: "Transitions",
        series: [
          rate("edgepass.breaker.transitions", { by: [...byCall, "edgepass.breaker.state"] }),
        ],
      },
      {
        title: "Calls refused before they were sent",
        isStacked: true,
        series: [rate("edgepass.resilience.refusals", { by: [...byCall, "edgepass.reason"] })],
      },
    ],
    "Retries and fallbacks": [
      {
        title: "Retries",
        description: "At most a tenth of all calls, for any failure.",
        width: 12,
        series: [rate("edgepass.resilience.retries", { by: byCall })],
      },
      {
        title: "Fallback responses",
        width: 12,
        isStacked: true,
        series: [
          rate("edgepass.fallbacks", { by: ["edgepass.service", "edgepass.fallback.source"] }),
        ],
      },
    ],
    "Central configuration": [
      {
        title: "Reads of the document",
        description: "One by each instance for each version; refused means invalid.",
        width: 24,
        isStacked: true,
        series: [
          rate("edgepass.configuration.fetches", { by: ["edgepass.service", "edgepass.outcome"] }),
        ],
      },
    ],
  },
};
