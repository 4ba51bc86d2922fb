import type { DashboardPlan } from "../dashboard.ts";
import { level, quantile, rate } from "../promql.ts";

const deliveries = "edgepass.events.deliveries";

/** The events between services, and how late they are. */
export const events: DashboardPlan = {
  uid: "edgepass-events",
  title: "Edgepass / Events",
  description: "From the outbox through QStash to the effect in each consumer.",
  rows: {
    Publishing: [
      {
        title: "Waiting in the outbox",
        description: "It grows while QStash is unavailable, and falls to zero afterwards.",
        series: [level("edgepass.events.outbox.waiting", { by: ["edgepass.service"] })],
      },
      {
        title: "Published, by outcome",
        isStacked: true,
        series: [
          rate("edgepass.events.published", { by: ["edgepass.service", "edgepass.outcome"] }),
        ],
      },
      {
        title: "From change to publication, p95",
        series: [quantile(0.95, "edgepass.events.outbox.age", { by: ["edgepass.service"] })],
      },
    ],
    Consuming: [
      {
        title: "Deliveries, by outcome",
        isStacked: true,
        series: [rate(deliveries, { by: ["edgepass.service", "edgepass.outcome"] })],
      },
      {
        title: "Retries",
        description: "Deliveries that a consumer did not accept at the first attempt.",
        series: [
          rate("edgepass.events.retries", { by: ["edgepass.service", "edgepass.event.type"] }),
        ],
      },
      {
        title: "From change to effect, p95",
        series: [quantile(0.95, "edgepass.events.lag", { by: ["edgepass.service"] })],
      },
      {
        title: "Dead letters",
        description: "Deliveries that QStash gave up. Poison waits for an operator.",
        series: [rate("edgepass.events.dead_letters", { by: ["edgepass.service"] })],
      },
    ],
  },
};
