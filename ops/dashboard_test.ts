import assert from "node:assert/strict";
import { metricCatalogue, type MetricName, prometheusName } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import { toDashboard } from "./dashboard.ts";
import { generate } from "./generate.ts";
import { level, rate } from "./promql.ts";
import { findFaults } from "./query_faults.ts";

const Panel = z.object({
  id: z.number(),
  type: z.enum(["row", "stat", "timeseries"]),
  title: z.string(),
  description: z.optional(z.string()),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  fieldConfig: z.optional(z.object({ defaults: z.object({ unit: z.string() }) })),
  targets: z._default(
    z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() })),
    [],
  ),
});
const Variable = z.object({
  name: z.string(),
  type: z.enum(["datasource", "query"]),
  query: z.union([z.string(), z.object({ query: z.string() })]),
});
const Dashboard = z.object({
  uid: z.string(),
  templating: z.object({ list: z.array(Variable) }),
  panels: z.array(Panel),
});

const dashboards = [...generate()].filter(([path]) => path.endsWith(".json"))
  .map(([path, text]) => ({ path, ...z.parse(Dashboard, JSON.parse(text)) }));

for (const { path, uid, panels, templating } of dashboards) {
  Deno.test(`${path}: queries read existing metrics and labels`, () => {
    for (const { title, targets } of panels) {
      for (const { expr, legendFormat } of targets) {
        assert.deepEqual(findFaults(expr), [], `${title}: ${expr}`);
        for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b`), title);
        }
      }
    }
  });

  Deno.test(`${path}: variables query existing values, and are used`, () => {
    const [first, ...others] = templating.list;
    assert.deepEqual([first?.name, first?.type, first?.query], [
      "datasource",
      "datasource",
      "prometheus",
    ]);
    const text = JSON.stringify(panels);
    for (const { name, query } of others) {
      assert.ok(typeof query === "object" && text.includes(`$${name}`), name);
      const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(query.query) ?? [];
      assert.deepEqual(findFaults(`count by (${label}) (${selector})`), [], name);
    }
    for (const [, name = ""] of text.matchAll(/\$([a-z]+)/g)) {
      assert.ok(templating.list.some((one) => one.name === name), name);
    }
  });

  Deno.test(`${path}: panels have a number, a unit, a description and a position of their own`, () => {
    assert.match(uid, /^edgepass-[a-z]+$/);
    const ids = panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set<string>();
    for (const { title, type, description, fieldConfig, targets, gridPos } of panels) {
      for (const cell of cellsOf(gridPos)) {
        assert.ok(!taken.has(cell), `${title} lies on another panel at ${cell}`);
        taken.add(cell);
      }
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      if (type === "row") continue;
      assert.ok(fieldConfig?.defaults.unit && description && targets.length > 0, title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      assert.equal(new Set(targets.map((one) => one.legendFormat)).size, targets.length, title);
    }
  });
}

function cellsOf({ x, y, w, h }: z.output<typeof Panel>["gridPos"]): string[] {
  const columns = Array.from({ length: w }, (_, index) => x + index);
  const lines = Array.from({ length: h }, (_, index) => y + index);
  return columns.flatMap((column) => lines.map((line) => `${column}:${line}`));
}

Deno.test("dashboards have unique names, and every metric is on one of them", () => {
  assert.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
  const shown = JSON.stringify(dashboards);
  const unseen = Object.keys(metricCatalogue).filter((name) =>
    !shown.includes(prometheusName(name as MetricName))
  );
  assert.deepEqual(unseen, []);
});

Deno.test("a panel whose series do not share a unit is refused", () => {
  const series = [rate("edgepass.redis.commands"), level("edgepass.upstream.active")];
  const plan = { uid: "x", title: "x", description: "x", rows: { x: [{ title: "y", series }] } };
  assert.throws(() => toDashboard(plan), TypeError);
});
