import type { DashboardPlan, PanelPlan } from "../dashboard.ts";
import { burnRate, type Objective, objectives } from "../objectives.ts";
import { level, mean, quantile, rate, ratio, rest } from "../promql.ts";
import { spread } from "../series.ts";

const requests = "http.server.request.duration";
const calls = "http.client.request.duration";
const roundTrips = "edgepass.redis.round_trip.duration";
const here = { "edgepass.service": "gateway" } as const;
const all = rate(requests, { where: here });

/** What the gateway serves, why it refuses, and what it waits for. */
export const gateway: DashboardPlan = {
  uid: "edgepass-gateway",
  title: "Edgepass / Gateway",
  description: "Every request passes here: objectives, routes, steps of the policy, refusals.",
  rows: {
    Objectives: [...objectives.map(toKept), ...objectives.map(toBurning)],
    "Requests by route": [
      { title: "Rate", series: [rate(requests, { where: here, by: ["http.route"] })] },
      {
        title: "Failures",
        description: "Responses with a status of 500 or above, by route and status.",
        series: [rate(requests, {
          where: { ...here, "http.response.status_code": ["=~", "5.."] },
          by: ["http.route", "http.response.status_code"],
        })],
      },
      {
        title: "Duration, p95",
        series: [quantile(0.95, requests, { where: here, by: ["http.route"] })],
      },
      {
        title: "Rate by status",
        isStacked: true,
        series: [rate(requests, { where: here, by: ["http.response.status_code"] })],
      },
      {
        title: "Rate by method",
        isStacked: true,
        series: [rate(requests, { where: here, by: ["http.request.method"] })],
      },
      { title: "Distribution of durations", series: spread(requests, { where: here }) },
    ],
    "Steps of the policy": [
      {
        title: "Where the time goes",
        description: "Mean time of each step. Requests that are refused do not reach all of them.",
        width: 12,
        isStacked: true,
        series: [mean("edgepass.gateway.step.duration", { by: ["edgepass.step"] })],
      },
      {
        title: "Each step, p95",
        width: 12,
        series: [quantile(0.95, "edgepass.gateway.step.duration", { by: ["edgepass.step"] })],
      },
    ],
    Refusals: [
      {
        title: "By code",
        width: 12,
        isStacked: true,
        series: [rate("edgepass.gateway.refusals", { by: ["error.type"] })],
      },
      {
        title: "By route and code",
        width: 12,
        series: [rate("edgepass.gateway.refusals", { by: ["http.route", "error.type"] })],
      },
      {
        title: "Tokens by issuer and reason",
        width: 24,
        series: [rate("edgepass.tokens.refused", {
          by: ["edgepass.issuer", "edgepass.token.refusal"],
        })],
      },
    ],
    "Revocation and Redis": [
      {
        title: "Results of the check",
        isStacked: true,
        series: [rate("edgepass.revocation.checks", { by: ["edgepass.revocation.answer"] })],
      },
      { title: "Round trip", series: spread(roundTrips, { where: here }) },
      {
        title: "Failed round trips",
        series: [rate(roundTrips, {
          where: { ...here, "error.type": ["!=", ""] },
          by: ["error.type"],
        })],
      },
      {
        title: "Commands per request",
        description: "A provider bills commands; at most one for a protected request.",
        series: [{
          ...ratio(rate("edgepass.redis.commands", { where: here }), all),
          unit: "short",
          called: "commands",
        }],
      },
      {
        title: "Round trips per request",
        description: "Below one where concurrent requests share a round trip.",
        series: [{
          ...ratio(rate(roundTrips, { where: here }), all),
          unit: "short",
          called: "round trips",
        }],
      },
      {
        title: "Requests that share a round trip",
        series: spread("edgepass.redis.callers", { where: here }),
      },
    ],
    Upstreams: [
      {
        title: "Calls that wait",
        series: [level("edgepass.upstream.active", { by: ["edgepass.peer"] })],
      },
      {
        title: "Time until they respond, p95",
        series: [quantile(0.95, calls, { where: here, by: ["edgepass.peer"] })],
      },
      {
        title: "Failed calls",
        series: [rate(calls, {
          where: { ...here, "error.type": ["!=", ""] },
          by: ["edgepass.peer", "error.type"],
        })],
      },
    ],
    Telemetry: [
      {
        title: "Dropped",
        width: 24,
        series: [rate("edgepass.telemetry.dropped", { by: ["edgepass.signal"] })],
      },
    ],
  },
};

function toKept(objective: Objective): PanelPlan {
  const { name, budget, missed } = objective;
  return {
    title: `Met: ${name}`,
    description: `Share of requests within the time shown; ${100 - budget * 100} % are promised.`,
    shows: "now",
    width: 4,
    series: [rest(missed("$__range"))],
  };
}

function toBurning(objective: Objective): PanelPlan {
  return {
    title: `Burn rate: ${objective.name}`,
    description:
      "How many times faster the month's budget is spent than it lasts. Needs the rules.",
    series: (["1h", "6h", "3d"] as const).map((range) => ({
      ...burnRate(objective, range),
      called: range,
    })),
  };
}
