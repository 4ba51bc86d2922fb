import assert from "node:assert/strict";
import { metricCatalogue, type MetricDefinition, type MetricName } from "./catalogue.ts";
import { createMetrics, prometheusName, toPrometheus } from "./metrics.ts";

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: { name: string; labels: Record<string, string>; value: number }[];
}

const samplePattern = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\+Inf|-?[\d.]+(?:e[+-]?\d+)?)$/;
const labelPattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** Reads text exposition format 0.0.4, and refuses everything else. */
function parse(text: string): Family[] {
  assert(text === "" || text.endsWith("\n"));
  const families: Family[] = [];
  let help: [string, string] | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const head = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line);
    if (head?.[1] === "HELP") {
      help = [head[2]!, unescape(head[3]!)];
    } else if (head) {
      assert.equal(help?.[0], head[2]);
      assert.match(head[3]!, /^(counter|gauge|histogram)$/);
      families.push({ name: head[2]!, help: help?.[1] ?? "", type: head[3]!, samples: [] });
    } else {
      const [, name, labels = "", value] = samplePattern.exec(line) ?? [];
      assert(name !== undefined, `not a sample: ${line}`);
      families.at(-1)?.samples.push({
        name,
        labels: parseLabels(labels),
        value: value === "+Inf" ? Infinity : Number(value),
      });
    }
  }
  assert.equal(new Set(families.map(({ name }) => name)).size, families.length);
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  labelPattern.lastIndex = 0;
  while (labelPattern.lastIndex < text.length) {
    const [, name, value] = labelPattern.exec(text) ?? assert.fail(`not labels: ${text}`);
    assert(!(name! in labels));
    labels[name!] = unescape(value!);
  }
  return labels;
}

function unescape(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, char: string) => char === "n" ? "\n" : char);
}

function setup() {
  const metrics = createMetrics({ now: () => 0 });
  const read = () => parse(toPrometheus(metrics.snapshot()));
  return { ...metrics, read };
}

const names = {
  "http.server.request.duration": "http_server_request_duration_seconds",
  "edgepass.gateway.refusals": "edgepass_gateway_refusals_total",
  "edgepass.upstream.active": "edgepass_upstream_active",
  "edgepass.redis.callers": "edgepass_redis_callers",
} as const;
for (const [name, expected] of Object.entries(names)) {
  Deno.test(`${name} is ${expected} in Prometheus`, () => {
    assert.equal(prometheusName(name as MetricName), expected);
  });
}

Deno.test("no two metrics of the catalogue share a name in Prometheus", () => {
  const all = Object.keys(metricCatalogue).map((name) => prometheusName(name as MetricName));
  assert.equal(new Set(all).size, all.length);
  for (const name of all) assert.match(name, /^[a-z][a-z0-9_]*$/);
});

Deno.test("a metric without a measurement is not exported", () => {
  assert.equal(setup().read().length, 0);
});

Deno.test("counters and gauges are one sample a series, with the service among the labels", () => {
  const { add, move, read } = setup();
  add("edgepass.redis.commands", { "edgepass.service": "auth" }, 3);
  move("edgepass.upstream.active", { "edgepass.peer": "course" }, 2);
  const row: MetricDefinition = metricCatalogue["edgepass.upstream.active"];
  assert.deepEqual(read(), [
    {
      name: "edgepass_upstream_active",
      help: row.meaning,
      type: "gauge",
      samples: [{
        name: "edgepass_upstream_active",
        labels: { edgepass_service: "gateway", edgepass_peer: "course" },
        value: 2,
      }],
    },
    {
      name: "edgepass_redis_commands_total",
      help: metricCatalogue["edgepass.redis.commands"].meaning,
      type: "counter",
      samples: [{
        name: "edgepass_redis_commands_total",
        labels: { edgepass_service: "auth" },
        value: 3,
      }],
    },
  ]);
});

Deno.test("a histogram has rising buckets up to +Inf, a sum and a count", () => {
  const { record, read } = setup();
  const values = [0.0005, 0.001, 0.02, 0.3, 60];
  for (const value of values) {
    record("edgepass.gateway.step.duration", { "edgepass.step": "sign" }, value);
  }
  const [family] = read();
  assert.equal(family?.type, "histogram");
  const name = "edgepass_gateway_step_duration_seconds";
  const buckets = family?.samples.filter((sample) => sample.name === `${name}_bucket`) ?? [];
  assert.deepEqual(
    buckets.map(({ labels }) => labels["le"]),
    [...metricCatalogue["edgepass.gateway.step.duration"].buckets.map(String), "+Inf"],
  );
  for (const { labels, value } of buckets) {
    const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
    assert.equal(value, values.filter((each) => each <= bound).length);
    assert.equal(labels["edgepass_step"], "sign");
  }
  const rest = family?.samples.slice(-2).map(({ name, value }) => [name, value]);
  assert.deepEqual(rest, [
    [`${name}_sum`, values.reduce((sum, value) => sum + value, 0)],
    [`${name}_count`, 5],
  ]);
});

Deno.test("quotes, backslashes and line ends in labels are escaped", () => {
  const { add, read } = setup();
  const reason = 'a "quoted" back\\slash\nand } more,x="y" ';
  add("edgepass.passports.refused", { "edgepass.reason": reason });
  assert.equal(read()[0]?.samples[0]?.labels["edgepass_reason"], reason);
});

Deno.test("the series for all others has a label of its own", () => {
  const { add, read } = setup();
  for (let count = 0; count <= 1000; count++) {
    add("edgepass.passports.refused", { "edgepass.reason": `r${count}` });
  }
  assert.equal(read()[0]?.samples.at(-1)?.labels["otel_metric_overflow"], "true");
});
