import type { DashboardPlan } from "../dashboard.ts";
import { orZero, quantile, rate, ratio, valuesOf } from "../promql.ts";
import { spread } from "../series.ts";

const requests = "http.server.request.duration";
const calls = "http.client.request.duration";
const queries = "db.client.operation.duration";
const chosen = { "edgepass.service": ["=~", "$service"] } as const;
const failed = { ...chosen, "http.response.status_code": ["=~", "5.."] } as const;

/** What services behind the gateway serve, call and store. */
export const services: DashboardPlan = {
  uid: "edgepass-services",
  title: "Edgepass / Services",
  description: "The services behind the gateway: their routes, calls, databases and Redis.",
  variables: {
    service: valuesOf("edgepass.service", requests, { "edgepass.service": ["!=", "gateway"] }),
  },
  rows: {
    Services: [
      {
        title: "Rate",
        series: [rate(requests, { where: chosen, by: ["edgepass.service"] })],
      },
      {
        title: "Share of failures",
        description: "Share of responses with a status of 500 or above.",
        series: [toShareOfFailures()],
      },
      {
        title: "Duration, p95",
        series: [quantile(0.95, requests, { where: chosen, by: ["edgepass.service"] })],
      },
    ],
    Routes: [
      {
        title: "Rate",
        series: [rate(requests, { where: chosen, by: ["edgepass.service", "http.route"] })],
      },
      {
        title: "Failures",
        series: [rate(requests, {
          where: failed,
          by: ["edgepass.service", "http.route", "http.response.status_code"],
        })],
      },
      {
        title: "Duration, p95",
        series: [quantile(0.95, requests, {
          where: chosen,
          by: ["edgepass.service", "http.route"],
        })],
      },
    ],
    "Calls of other services": [
      {
        title: "Rate",
        series: [rate(calls, { where: chosen, by: ["edgepass.service", "edgepass.peer"] })],
      },
      {
        title: "Failures",
        description: "Calls without a response, or with a status of 400 or above.",
        series: [rate(calls, {
          where: { ...chosen, "error.type": ["!=", ""] },
          by: ["edgepass.service", "edgepass.peer", "error.type"],
        })],
      },
      {
        title: "Duration, p95",
        series: [quantile(0.95, calls, {
          where: chosen,
          by: ["edgepass.service", "edgepass.peer"],
        })],
      },
    ],
    Database: [
      {
        title: "Queries and batches",
        series: [rate(queries, { where: chosen, by: ["edgepass.service", "db.operation.name"] })],
      },
      {
        title: "Failures",
        series: [rate(queries, {
          where: { ...chosen, "error.type": ["!=", ""] },
          by: ["edgepass.service", "error.type"],
        })],
      },
      {
        title: "Duration, p95",
        series: [quantile(0.95, queries, {
          where: chosen,
          by: ["edgepass.service", "db.operation.name"],
        })],
      },
      {
        title: "Per request",
        description: "Queries and batches for one request of a service.",
        series: [toQueriesPerRequest()],
      },
      { title: "Distribution of durations", series: spread(queries, { where: chosen }) },
    ],
    Redis: [
      {
        title: "Commands",
        width: 12,
        series: [rate("edgepass.redis.commands", { by: ["edgepass.service"] })],
      },
      {
        title: "Round trip, p95",
        width: 12,
        series: [quantile(0.95, "edgepass.redis.round_trip.duration", {
          by: ["edgepass.service"],
        })],
      },
    ],
  },
};

function toShareOfFailures() {
  const by = ["edgepass.service"] as const;
  const all = rate(requests, { where: chosen, by });
  return ratio(orZero(rate(requests, { where: failed, by }), all), all);
}

function toQueriesPerRequest() {
  const cut = { where: chosen, by: ["edgepass.service"] } as const;
  return ratio(rate(queries, cut), rate(requests, cut));
}
