import assert from "node:assert/strict";
import { metricCatalogue, type MetricDefinition } from "./catalogue.ts";
import { createMetrics } from "./metrics.ts";

function setup() {
  const metrics = createMetrics({ now: () => 1000 });
  const points = (name: string) =>
    metrics.snapshot().metrics.find((metric) => metric.name === name)?.points ?? [];
  return { ...metrics, points };
}

const active = "edgepass.upstream.active";
const commands = "edgepass.redis.commands";
const callers = "edgepass.redis.callers";
const requests = "http.server.request.duration";

Deno.test("every metric names the service that measures it", () => {
  for (const [name, row] of Object.entries<MetricDefinition>(metricCatalogue)) {
    const isAttribute = row.attributes.includes("edgepass.service");
    assert.notEqual(isAttribute, row.service !== undefined, name);
  }
});

Deno.test("every histogram has rising bounds, and nothing else has any", () => {
  for (const [name, { kind, buckets }] of Object.entries<MetricDefinition>(metricCatalogue)) {
    assert.equal(buckets !== undefined, kind === "histogram", name);
    assert.deepEqual(buckets, buckets?.toSorted((a, b) => a - b), name);
  }
});

Deno.test("a counter grows by the added values, separately for each combination of attributes", () => {
  const { add, points } = setup();
  add(commands, { "edgepass.service": "gateway" });
  add(commands, { "edgepass.service": "gateway" }, 2.5);
  add(commands, { "edgepass.service": "auth" });
  assert.deepEqual(points(commands).map(({ attributes, value }) => [attributes, value]), [
    [[["edgepass.service", "gateway"]], 3.5],
    [[["edgepass.service", "auth"]], 1],
  ]);
});

Deno.test("a gauge goes up and down", () => {
  const { move, points } = setup();
  move(active, { "edgepass.peer": "course" }, 3);
  move(active, { "edgepass.peer": "course" }, -1);
  assert.equal(points(active)[0]?.value, 2);
});

Deno.test("a histogram counts a value into the bucket whose bound it does not pass", () => {
  const { record, points } = setup();
  for (const value of [1, 1.5, 2, 100, 101]) record(callers, { "edgepass.service": "g" }, value);
  const [point] = points(callers);
  // Bounds: 1, 2, 5, 10, 20, 50, 100.
  assert.deepEqual(point?.buckets, [1, 2, 0, 0, 0, 0, 1, 1]);
  assert.deepEqual([point?.count, point?.sum], [5, 205.5]);
});

Deno.test("a value that is not finite, or would make a counter smaller, is not counted", () => {
  const { add, move, record, points } = setup();
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    add(commands, {}, value);
    move(active, {}, value);
    record(callers, {}, value);
  }
  add(commands, {}, -1);
  assert.deepEqual([...points(commands), ...points(active), ...points(callers)], []);
});

Deno.test("omitted and empty attributes are the same, and are not exported", () => {
  const { record, points } = setup();
  record(requests, { "edgepass.service": "gateway", "http.route": "" }, 1);
  record(requests, { "edgepass.service": "gateway", "error.type": undefined }, 1);
  assert.deepEqual(points(requests).map(({ attributes, count }) => [attributes, count]), [
    [[["edgepass.service", "gateway"]], 2],
  ]);
});

Deno.test("the same values under other attributes are another series", () => {
  const { record, points } = setup();
  record(requests, { "edgepass.service": "a", "http.route": "b" }, 1);
  record(requests, { "edgepass.service": "a", "error.type": "b" }, 1);
  record(requests, { "edgepass.service": "ab" }, 1);
  assert.equal(points(requests).length, 3);
});

Deno.test("unknown methods share one series", () => {
  const { record, points } = setup();
  for (const method of ["GET", "get", "BREW", "", "PATCH", "__proto__"]) {
    record(requests, { "http.request.method": method }, 1);
  }
  assert.deepEqual(points(requests).map(({ attributes, count }) => [attributes[0]?.[1], count]), [
    ["GET", 1],
    ["_OTHER", 3],
    [undefined, 1],
    ["PATCH", 1],
  ]);
});

Deno.test("a metric has at most 1000 series and one for all others", () => {
  const { record, points } = setup();
  for (let count = 0; count < 1500; count++) record(requests, { "http.route": `/${count}` }, 1);
  record(requests, { "http.route": "/0" }, 1);
  const all = points(requests);
  assert.equal(all.length, 1001);
  assert.deepEqual(all.at(-1)?.attributes, [["otel.metric.overflow", true]]);
  assert.equal(all.at(-1)?.count, 500);
  assert.equal(all[0]?.count, 2);
});

Deno.test("values of attributes are masked and cut", () => {
  const { add, points } = setup();
  add("edgepass.passports.refused", { "edgepass.reason": "for somebody@example.com" });
  add("edgepass.passports.refused", { "edgepass.reason": "no ".repeat(1000) });
  const [masked, cut] = points("edgepass.passports.refused").map(({ attributes }) =>
    String(attributes[0]?.[1])
  );
  assert.equal(masked, "for [address]");
  assert.equal(cut?.length, 128);
});
