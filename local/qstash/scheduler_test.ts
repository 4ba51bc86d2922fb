import assert from "node:assert/strict";
import fc from "fast-check";
import { readCron } from "./scheduler.ts";

function next(cron: string, from: string): string | undefined {
  const at = readCron(cron)?.next(Date.parse(from));
  return at === undefined ? undefined : new Date(at).toISOString().slice(0, 16);
}

const cases: readonly (readonly [cron: string, from: string, to: string])[] = [
  ["* * * * *", "2030-01-01T00:00:00Z", "2030-01-01T00:01"],
  ["* * * * *", "2030-01-01T00:00:59Z", "2030-01-01T00:01"],
  ["*/5 * * * *", "2030-01-01T00:05:00Z", "2030-01-01T00:10"],
  ["3-10/3 * * * *", "2030-01-01T00:06:00Z", "2030-01-01T00:09"],
  ["50/5 * * * *", "2030-01-01T00:51:00Z", "2030-01-01T00:55"],
  ["0 9 * * mon-fri", "2030-01-04T10:00:00Z", "2030-01-07T09:00"],
  ["0 0 * * 7", "2030-01-01T00:00:00Z", "2030-01-06T00:00"],
  ["0 0 13 * 5", "2030-01-01T00:00:00Z", "2030-01-04T00:00"],
  ["0 0 29 2 *", "2030-01-01T00:00:00Z", "2032-02-29T00:00"],
  ["0 0 1 jan,jul *", "2030-01-01T00:00:00Z", "2030-07-01T00:00"],
  ["@daily", "2030-01-01T00:00:00Z", "2030-01-02T00:00"],
  ["@hourly", "2030-01-01T00:30:00Z", "2030-01-01T01:00"],
  ["CRON_TZ=America/New_York 0 9 * * *", "2030-01-01T00:00:00Z", "2030-01-01T14:00"],
  ["CRON_TZ=Asia/Kolkata 15 0 * * *", "2030-01-01T00:00:00Z", "2030-01-01T18:45"],
  // In spring 02:30 does not exist in Berlin; the next one is a day later.
  ["CRON_TZ=Europe/Berlin 30 2 * * *", "2030-03-30T23:00:00Z", "2030-04-01T00:30"],
];
for (const [cron, from, to] of cases) {
  Deno.test(`after ${from} "${cron}" fires at ${to}`, () => assert.equal(next(cron, from), to));
}

const malformed = [
  "",
  "* * * *",
  "* * * * * *",
  "60 * * * *",
  "* 24 * * *",
  "* * 0 * *",
  "* * * 13 *",
  "* * * * 8",
  "5-1 * * * *",
  "*/0 * * * *",
  "*-5 * * * *",
  "a * * * *",
  "@every 5m",
  "CRON_TZ=Nowhere/City * * * * *",
];
for (const text of malformed) {
  Deno.test(`"${text}" is not a cron expression`, () => assert.equal(readCron(text), undefined));
}

Deno.test("a date that does not exist has no next time", () => {
  assert.equal(next("0 0 30 2 *", "2030-01-01T00:00:00Z"), undefined);
});

Deno.test("the next time is the first later minute that matches", () => {
  const minute = fc.integer({ min: 0, max: 59 });
  const hour = fc.integer({ min: 0, max: 23 });
  const from = fc.integer({ min: Date.UTC(2030, 0, 1), max: Date.UTC(2031, 0, 1) });
  fc.assert(fc.property(minute, hour, from, (minute, hour, from) => {
    const at = readCron(`${minute} ${hour} * * *`)?.next(from);
    assert.ok(at !== undefined && at > from && at - from <= 86_400_000 && at % 60_000 === 0);
    assert.equal(new Date(at).getUTCMinutes(), minute);
    assert.equal(new Date(at).getUTCHours(), hour);
  }));
});
