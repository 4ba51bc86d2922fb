import { orZero, type Query, rate, ratio, rest, shareUpTo } from "./promql.ts";

/** What the gateway promises its clients over a month. */
export interface Objective {
  readonly name: "availability" | "latency";
  /** The name of its alerts. */
  readonly alert: string;
  /** The share of requests that may miss it. */
  readonly budget: number;
  /** How requests miss it, after "of requests". */
  readonly fallsShort: string;
  /** The share of requests that missed it, within a range. */
  readonly missed: (range: string) => Query;
}

const requests = "http.server.request.duration";

/** Requests of a route: probes and scans of unknown paths do not show how clients fare. */
const ofPeople = { "edgepass.service": "gateway", "http.route": ["!=", ""] } as const;

/** Seconds; a bound of the histogram's buckets. */
const fastEnough = 0.5;

/** Every objective there is. */
export const objectives: readonly Objective[] = [
  {
    name: "availability",
    alert: "EdgepassAvailabilityBudgetBurns",
    budget: 0.001,
    fallsShort: "got a status of 500 or above",
    missed: (range) => {
      const all = rate(requests, { where: ofPeople, range });
      const where = { ...ofPeople, "http.response.status_code": ["=~", "5.."] } as const;
      return ratio(orZero(rate(requests, { where, range }), all), all);
    },
  },
  {
    name: "latency",
    alert: "EdgepassLatencyBudgetBurns",
    budget: 0.01,
    fallsShort: `took longer than ${fastEnough * 1000} ms`,
    missed: (range) => rest(shareUpTo(fastEnough, requests, { where: ofPeople, range })),
  },
];

/** The ranges of the rules, the shortest first. */
export const ranges = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] as const;
export type Range = (typeof ranges)[number];

/** A budget that burns `factor` times too fast, in a long range and still in a short one. */
export interface Burn {
  readonly factor: number;
  readonly long: Range;
  readonly short: Range;
  readonly severity: "page" | "ticket";
}

/** By *The Site Reliability Workbook*, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts". */
export const burns: readonly Burn[] = [
  { factor: 14.4, long: "1h", short: "5m", severity: "page" },
  { factor: 6, long: "6h", short: "30m", severity: "page" },
  { factor: 3, long: "1d", short: "2h", severity: "ticket" },
  { factor: 1, long: "3d", short: "6h", severity: "ticket" },
];

/** The name under which a rule records the share of missed requests. */
export function recordOf({ name }: Objective, range: Range): string {
  return `gateway:${name}_missed:ratio_rate${range}`;
}

/** How many times too fast a budget burns, by what a rule has recorded. */
export function burnRate(objective: Objective, range: Range): Query {
  const { metrics } = objective.missed(range);
  const expr = `${recordOf(objective, range)} / ${objective.budget}`;
  return { expr, isCompound: true, unit: "short", labels: [], metrics };
}
