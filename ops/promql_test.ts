import assert from "node:assert/strict";
import { level, mean, orZero, quantile, rate, ratio, rest, shareUpTo, valuesOf } from "./promql.ts";

const refused = rate("edgepass.passports.refused", { range: "5m" });
const issued = rate("edgepass.passports.minted", { range: "5m" });
const a = "sum(rate(edgepass_passports_refused_total[5m]))";
const b = "sum(rate(edgepass_passports_minted_total[5m]))";
const steps = "edgepass.gateway.step.duration";
const step = "edgepass_gateway_step_duration_seconds";

const queries = [
  ["a counter's rate", refused.expr, a],
  [
    "a histogram's rate",
    rate("http.client.request.duration", {
      where: { "edgepass.service": "gateway", "error.type": ["!=", ""] },
      by: ["edgepass.peer", "error.type"],
    }).expr,
    "sum by (edgepass_peer, error_type) (rate(http_client_request_duration_seconds_count" +
    '{edgepass_service="gateway", error_type!=""}[$__rate_interval]))',
  ],
  [
    "a gauge's level",
    level("edgepass.upstream.active", { by: ["edgepass.peer"] }).expr,
    "sum by (edgepass_peer) (edgepass_upstream_active)",
  ],
  [
    "a quantile",
    quantile(0.95, steps, { by: ["edgepass.step"], range: "1h" }).expr,
    `histogram_quantile(0.95, sum by (le, edgepass_step) (rate(${step}_bucket[1h])))`,
  ],
  [
    "a mean",
    mean(steps, { range: "1h" }).expr,
    `sum(rate(${step}_sum[1h])) / sum(rate(${step}_count[1h]))`,
  ],
  [
    "a share up to a bound",
    shareUpTo(0.5, steps, { range: "1h" }).expr,
    `sum(rate(${step}_bucket{le="0.5"}[1h])) / sum(rate(${step}_count[1h]))`,
  ],
  [
    "a variable",
    valuesOf("edgepass.peer", "http.client.request.duration"),
    "label_values(http_client_request_duration_seconds_count, edgepass_peer)",
  ],
  ["a ratio", ratio(refused, issued).expr, `${a} / ${b}`],
  ["the rest of a rest", rest(rest(ratio(refused, issued))).expr, `1 - (1 - (${a} / ${b}))`],
  ["a part of zero", ratio(orZero(refused, issued), issued).expr, `(${a} or 0 * ${b}) / ${b}`],
  ["a ratio of ratios", ratio(refused, ratio(refused, issued)).expr, `${a} / (${a} / ${b})`],
] as const;
for (const [what, expr, expected] of queries) {
  Deno.test(`${what} is written as PromQL`, () => assert.equal(expr, expected));
}

Deno.test("units follow from the metric and the query", () => {
  const callers = quantile(0.5, "edgepass.redis.callers");
  const queries = [rate("edgepass.gateway.refusals"), rate(steps), quantile(0.5, steps), callers];
  assert.deepEqual(queries.map(({ unit }) => unit), ["reqps", "cps", "s", "short"]);
  assert.deepEqual(
    [ratio(refused, issued), ratio(issued, callers)].map(({ unit }) => unit),
    ["percentunit", "short"],
  );
});

Deno.test("a share up to a bound that no bucket has is refused", () => {
  assert.throws(() => shareUpTo(0.4, steps), RangeError);
});

/** Never called: it holds if it compiles. */
export function doesNotCompile(): void {
  // @ts-expect-error no such metric
  rate("edgepass.gateway.refusal");
  // @ts-expect-error a gauge has no rate
  rate("edgepass.upstream.active");
  // @ts-expect-error a counter has no quantiles
  quantile(0.5, "edgepass.redis.commands");
  // @ts-expect-error no attribute of this metric
  rate("edgepass.redis.commands", { by: ["http.route"] });
  // @ts-expect-error no attribute of this metric
  rate("edgepass.redis.commands", { where: { "error.type": "x" } });
}
