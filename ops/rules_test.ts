import assert from "node:assert/strict";
import { parse } from "yaml";
import * as z from "zod/mini";
import { burns, objectives, ranges } from "./objectives.ts";
import { findFaults } from "./query_faults.ts";
import { writeRules } from "./rules.ts";

const texts = z.record(z.string(), z.string());
const Recording = z.strictObject({ record: z.string(), expr: z.string() });
const Alert = z.strictObject({
  alert: z.string().check(z.regex(/^Edgepass[A-Z]\w+$/)),
  expr: z.string(),
  for: z.optional(z.string().check(z.regex(/^\d+[mh]$/))),
  labels: texts,
  annotations: z.strictObject({ summary: z.string(), description: z.string() }),
});
const Rules = z.strictObject({
  groups: z.array(
    z.strictObject({ name: z.string(), rules: z.array(z.union([Recording, Alert])) }),
  ),
});

const { groups } = z.parse(Rules, parse(writeRules()));
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.flatMap((rule) => "alert" in rule ? [rule] : []);

Deno.test("rules read existing metrics, labels and records", () => {
  assert.ok(rules.length > 20);
  for (const { expr } of rules) assert.deepEqual(findFaults(expr), [], expr);
});

Deno.test("a group evaluates its records before its alerts read them", () => {
  for (const { rules } of groups) {
    const made = new Set<string>();
    for (const rule of rules) {
      for (const [name] of rule.expr.matchAll(/\bgateway:\w+:\w+/g)) assert.ok(made.has(name));
      if ("record" in rule) made.add(rule.record);
    }
  }
});

const tiers = ["14.4 1h 5m page", "6 6h 30m page", "3 1d 2h ticket", "1 3d 6h ticket"];

Deno.test("burn rates and their windows are the workbook's", () => {
  assert.deepEqual(
    burns.map(({ factor, long, short, severity }) => `${factor} ${long} ${short} ${severity}`),
    tiers,
  );
});

const budgets = { availability: 0.001, latency: 0.01 };
for (const { name, alert, budget } of objectives) {
  Deno.test(`the objective of ${name} is alerted on at every burn rate`, () => {
    assert.equal(budget, budgets[name]);
    const record = (range: string) => `gateway:${name}_missed:ratio_rate${range}`;
    const expected = tiers.map((tier) => {
      const [factor, long = "", short = "", severity] = tier.split(" ");
      const limit = `${factor} * ${budget}`;
      return [`${record(long)} > ${limit} and ${record(short)} > ${limit}`, severity];
    });
    const made = alerts.filter((one) => one.alert === alert);
    assert.deepEqual(made.map(({ expr, labels }) => [expr, labels.severity]), expected);
  });
}

Deno.test("objectives count requests of a route at the gateway", () => {
  const records = rules.flatMap((rule) => "record" in rule ? [rule] : []);
  assert.equal(records.length, objectives.length * ranges.length);
  for (const { expr } of records) {
    const selectors = expr.match(/\{[^}]*\}/g) ?? [];
    assert.ok(selectors.length > 0);
    for (const selector of selectors) {
      assert.match(selector, /^\{edgepass_service="gateway", http_route!=""/);
    }
  }
});

Deno.test("every alert has a summary, a description and a severity", () => {
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels.severity ?? "", /^(page|ticket)$/, alert);
    assert.ok(annotations.summary.length > 10 && annotations.description.length > 20, alert);
  }
});

Deno.test("events that wait, are late, refused, parked or given up are alerted on [E07, F15]", () => {
  const watched = {
    EdgepassEventsWait: /edgepass_events_outbox_waiting\b.* > 0$/,
    EdgepassEventsLate: /edgepass_events_outbox_age_seconds_bucket\b.* > 120$/,
    EdgepassEventsRefused: /edgepass_events_deliveries_total\{edgepass_outcome="refused"\}/,
    EdgepassEventsParked: /edgepass_events_published_total\{edgepass_outcome="parked"\}/,
    EdgepassDeadLetters: /edgepass_events_dead_letters_total/,
  };
  for (const [name, query] of Object.entries(watched)) {
    const { expr = "" } = alerts.find(({ alert }) => alert === name) ?? {};
    assert.match(expr, query);
  }
});
