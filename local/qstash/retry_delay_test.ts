import assert from "node:assert/strict";
import fc from "fast-check";
import { backoffMs, maxRetryDelayMs, retryDelayMs } from "./retry_delay.ts";
import { readRetryExpression } from "./retry_expression.ts";

const now = Date.UTC(2030, 0, 1);

Deno.test("the backoff is the documented table", () => {
  const seconds = [1, 2, 3, 4, 5, 6].map((n) => Math.round(backoffMs(n) / 1_000));
  assert.deepEqual(seconds, [12, 148, 1_808, 22_026, 86_400, 86_400]);
});

Deno.test("every delay is an integer from zero to a day", () => {
  const headers = fc.record({
    "retry-after": fc.array(fc.oneof(fc.string(), fc.nat().map(String), fc.constant("6m5s"))),
    "x-ratelimit-reset": fc.array(fc.string(), { maxLength: 1 }),
  }, { requiredKeys: [] });
  const expression = fc.option(
    fc.oneof(
      fc.constantFrom("1000", "-5", "1/0", "0/0", "sqrt(0-1)", "pow(10, retried)", "retried % 2"),
      fc.string(),
    ),
    { nil: undefined },
  );
  fc.assert(fc.property(fc.nat(100), expression, headers, (retried, expression, header) => {
    const ms = retryDelayMs({ retried, expression, header, now });
    assert.ok(Number.isInteger(ms) && ms >= 0 && ms <= maxRetryDelayMs, `${ms}`);
  }));
});

Deno.test("without a delay from the response or the message the delays only grow", () => {
  fc.assert(fc.property(fc.nat(50), (retried) => {
    const at = (n: number) => retryDelayMs({ retried: n, header: {}, now });
    assert.equal(at(retried), backoffMs(retried + 1));
    assert.ok(at(retried) <= at(retried + 1));
  }));
});

const expressions: readonly (readonly [text: string, values: readonly number[]])[] = [
  ["1000", [1000, 1000]],
  ["1000 * (1 + retried)", [1000, 2000, 3000]],
  ["pow(2, retried) * 1000", [1000, 2000, 4000]],
  ["max(1000, pow(2, retried) * 100)", [1000, 1000, 1000, 1000, 1600]],
  ["min(20000, pow(2, retried) * 1000)", [1000, 2000, 4000, 8000, 16000, 20000]],
  ["round(exp(retried))", [1, 3, 7]],
  ["floor(1.9) + ceil(.1) - abs(-1)", [1]],
  ["sqrt(16) * 2 - 10 % 4 / 2", [7]],
  ["2 - 1 - 1", [0]],
];
for (const [text, values] of expressions) {
  Deno.test(`the expression ${text} is evaluated`, () => {
    assert.deepEqual(values.map((_, retried) => readRetryExpression(text)?.(retried)), values);
  });
}

const noExpressions = [
  "",
  "retries",
  "1 +",
  "1 2",
  "pow(2)",
  "pow(2, 3, 4)",
  "min()",
  "(1",
  "1)",
  "1..2",
  "2 ** 3",
  "constructor",
  "fetch(1)",
  "1;2",
  "(".repeat(200) + "1" + ")".repeat(200),
];
for (const text of noExpressions) {
  Deno.test(`the expression ${text.slice(0, 20) || "without a character"} is refused`, () => {
    assert.equal(readRetryExpression(text), undefined);
  });
}

Deno.test("any text is parsed or refused, and never throws", () => {
  const words = fc.constantFrom(
    "pow",
    "(",
    ")",
    ",",
    "retried",
    "1",
    "2.5",
    "+",
    "-",
    "*",
    "/",
    "x",
  );
  const texts = fc.oneof(fc.string(), fc.array(words).map((parts) => parts.join(" ")));
  fc.assert(fc.property(texts, fc.nat(9), (text, retried) => {
    const value = readRetryExpression(text)?.(retried);
    assert.ok(value === undefined || typeof value === "number");
  }));
});

const cases: readonly (readonly [header: Record<string, string[]>, ms: number])[] = [
  [{ "retry-after": ["0"] }, 0],
  [{ "retry-after": ["10"] }, 10_000],
  [{ "retry-after": ["6m5s"] }, 365_000],
  [{ "retry-after": ["1500ms"] }, 1_500],
  [{ "retry-after": [new Date(now + 60_000).toUTCString()] }, 60_000],
  [{ "retry-after": [new Date(now - 60_000).toUTCString()] }, 0],
  [{ "retry-after": ["86400"] }, 86_400_000],
  [{ "retry-after": ["86401"] }, 12_182],
  [{ "retry-after": ["soon"] }, 12_182],
  [{ "retry-after": ["-1"] }, 12_182],
  [{ "x-ratelimit-reset": ["7"] }, 7_000],
  [{ "x-ratelimit-reset-requests": ["8s"] }, 8_000],
  [{ "x-ratelimit-reset-tokens": ["9"] }, 9_000],
];
for (const [header, ms] of cases) {
  Deno.test(`a response with ${JSON.stringify(header)} delays the next attempt by ${ms} ms`, () => {
    assert.equal(retryDelayMs({ retried: 0, header, now }), ms);
  });
}

Deno.test("the response's delay wins over the message's expression", () => {
  const header = { "retry-after": ["2"] };
  assert.equal(retryDelayMs({ retried: 0, expression: "1000", header, now }), 2_000);
  assert.equal(retryDelayMs({ retried: 0, expression: "1000", header: {}, now }), 1_000);
});
