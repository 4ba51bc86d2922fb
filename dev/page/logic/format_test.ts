import assert from "node:assert/strict";
import {
  fitText,
  toDuration,
  toLongDuration,
  toRate,
  toRelative,
  toShare,
  toShortId,
  toTick,
} from "./format.ts";

const durations = {
  "0 ms": 0,
  "0.42 ms": 0.42,
  "1.0 ms": 0.999,
  "99.9 ms": 99.94,
  "100 ms": 99.96,
  "999 ms": 999.4,
  "1.00 s": 999.6,
  "10.0 s": 9_999,
  "59.9 s": 59_940,
  "1 min": 59_960,
  "2 min 5 s": 125_000,
} as const;
for (const [text, ms] of Object.entries(durations)) {
  Deno.test(`a duration of ${ms} ms reads ${text}`, () => assert.equal(toDuration(ms), text));
}

const long = {
  "0 s": -5000,
  "59 s": 59_000,
  "1 min": 60_000,
  "1 h": 3_600_000,
  "3 h 20 min": 12_000_000,
  "4 d 2 h": 352_800_000,
} as const;
for (const [text, ms] of Object.entries(long)) {
  Deno.test(`${ms} ms in integer units are ${text}`, () => assert.equal(toLongDuration(ms), text));
}

Deno.test("relative times go in both directions from now", () => {
  assert.equal(toRelative(1000, 1500), "just now");
  assert.equal(toRelative(1000, 13_000), "12 s ago");
  assert.equal(toRelative(300_000, 60_000), "in 4 min");
  assert.equal(toRelative(0, 125_000), "2 min ago");
});

Deno.test("a rate or share above zero never shows as zero", () => {
  assert.deepEqual([toRate(0, 60), toRate(1, 60), toRate(14, 60), toRate(7440, 60)], [
    "0",
    "0.02",
    "0.2",
    "124",
  ]);
  assert.deepEqual([toShare(0, 9), toShare(0, 0), toShare(1, 5000), toShare(1, 200)], [
    "0 %",
    "0 %",
    "< 0.1 %",
    "0.5 %",
  ]);
  assert.equal(toShare(1, 8), "13 %");
});

Deno.test("the scale of a waterfall has round numbers", () => {
  assert.deepEqual([0, 0.5, 20, 2500].map(toTick), ["0", "0.5 ms", "20 ms", "2.5 s"]);
});

Deno.test("a short id shows the end, which distinguishes it from others", () => {
  const id = "01931c2e-8f4a-7c31-9d52-6f0a9f3ac210";
  assert.equal(toShortId(`user:${id}`), "user:…9f3ac210");
  assert.equal(toShortId(`/courses/${id}/lessons/${id}`), "/courses/…9f3ac210/lessons/…9f3ac210");
  assert.equal(toShortId("anon"), "anon");
});

/** As in common fonts: an `i` is narrow, an `m` is wide. */
const measure = (text: string) => [...text].reduce((sum, one) => sum + (one === "i" ? 4 : 12), 0);

const cases: Readonly<Record<string, readonly [text: string, width: number, shown: string]>> = {
  "a text that fits": ["auth", 48, "auth"],
  "a text that is a little too wide": ["mmmm", 47, "mm…"],
  "narrow letters": ["iiiiiiii", 32, "iiiiiiii"],
  "a width for nothing": ["auth", 5, "…"],
  "no text": ["", 0, ""],
};

for (const [what, [text, width, shown]] of Object.entries(cases)) {
  Deno.test(`${what} is shown as "${shown}"`, () => {
    assert.equal(fitText(text, width, measure), shown);
  });
}
