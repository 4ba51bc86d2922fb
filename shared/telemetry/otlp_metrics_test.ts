import assert from "node:assert/strict";
import { createMetrics } from "./metrics.ts";
import { toOtlpMetrics } from "./otlp.ts";
import { Metrics } from "../../tests/support/otlp_shapes.ts";

const resource = { serviceName: "edgepass", instanceId: "0123456789abcdef" };
const at = 1_700_000_000_000;

Deno.test("metrics are exported cumulatively since the start, each with its service", () => {
  const time = { now: at };
  const { add, move, record, snapshot } = createMetrics({ now: () => time.now });
  add("edgepass.gateway.refusals", { "http.route": "/users", "error.type": "forbidden" }, 2);
  add("edgepass.redis.commands", { "edgepass.service": "auth" }, 0.5);
  move("edgepass.upstream.active", { "edgepass.peer": "course" }, -1);
  record("http.server.request.duration", {
    "edgepass.service": "gateway",
    "http.response.status_code": 200,
  }, 0.02);
  time.now += 1000;
  const body = Metrics.parse(JSON.parse(toOtlpMetrics(snapshot(), resource)));
  const metrics = body.resourceMetrics[0]?.scopeMetrics[0]?.metrics ?? [];
  const times = { startTimeUnixNano: `${at}000000`, timeUnixNano: `${at + 1000}000000` };
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const byName = Object.fromEntries(metrics.map(({ name, ...metric }) => [name, metric]));
  assert.partialDeepStrictEqual(byName, {
    "edgepass.gateway.refusals": {
      unit: "{request}",
      sum: {
        dataPoints: [{
          attributes: [
            text("edgepass.service", "gateway"),
            text("http.route", "/users"),
            text("error.type", "forbidden"),
          ],
          ...times,
          asInt: "2",
        }],
      },
    },
    "edgepass.redis.commands": { sum: { dataPoints: [{ asDouble: 0.5 }] } },
    "edgepass.upstream.active": { gauge: { dataPoints: [{ ...times, asInt: "-1" }] } },
    "http.server.request.duration": {
      unit: "s",
      histogram: {
        dataPoints: [{
          attributes: [
            text("edgepass.service", "gateway"),
            { key: "http.response.status_code", value: { intValue: "200" } },
          ],
          count: "1",
          sum: 0.02,
          bucketCounts: ["0", "0", "0", "0", "1", "0", "0", "0", "0", "0", "0", "0", "0", "0"],
        }],
      },
    },
  });
  assert.equal(metrics.length, 4);
});
