import assert from "node:assert/strict";
import { findFaults } from "./query_faults.ts";

const faults = {
  "sum(rate(http_server_request_duration_seconds_count[5m])": "cannot be read at 56",
  "sum(rate(http_server_request_duration_seconds[5m]))":
    "no metric http_server_request_duration_seconds",
  "sum(rate(edgepass_gateway_refusals[5m]))": "no metric edgepass_gateway_refusals",
  "gateway:availability_missed:ratio_rate4m": "no metric gateway:availability_missed:ratio_rate4m",
  'edgepass_upstream_active{peer="auth"}': "no label peer",
  "sum by (le) (rate(edgepass_gateway_refusals_total[5m]))": "no label le",
  "1 + 1": "reads nothing",
} as const;
for (const [query, fault] of Object.entries(faults)) {
  Deno.test(`an invalid query is reported: ${query}`, () => {
    assert.deepEqual(findFaults(query), [fault]);
  });
}

const sound = [
  'histogram_quantile(0.9, sum by (le) (rate(edgepass_redis_callers_bucket{le!="1"}[5m])))',
  'sum by (http_route) (rate(edgepass_gateway_refusals_total{error_type=~"$x"}[$__rate_interval]))',
  "gateway:latency_missed:ratio_rate3d > 0.01",
];
for (const query of sound) {
  Deno.test(`a valid query passes: ${query}`, () => {
    assert.deepEqual(findFaults(query), []);
  });
}
