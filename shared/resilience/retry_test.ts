import assert from "node:assert/strict";
import fc from "fast-check";
import { createRetry, createRetryBudget, isRepeatable, readRetryAfterMs } from "./limits.ts";

const policy = { maxAttempts: 3, baseDelayMs: 50, maxDelayMs: 80 };

/** Retries whose budget is full. */
function setup({ random = 0.5 }: { random?: number } = {}) {
  const retry = createRetry({ policy: () => policy, random: () => random });
  for (let call = 0; call < 100; call++) retry.begin();
  return retry;
}

const waits: Record<string, [Parameters<ReturnType<typeof setup>["next"]>[0], number | undefined]> =
  {
    "the first retry": [{ attempt: 1 }, 25],
    "the second, with up to twice the delay within the maximum": [{ attempt: 2 }, 40],
    "one attempt too many": [{ attempt: 3 }, undefined],
    "Retry-After plus jitter, so that not all retry at once": [
      { attempt: 1, retryAfterMs: 1000 },
      1025,
    ],
    "Retry-After that leaves the caller no time": [
      { attempt: 1, retryAfterMs: 1000, remainingMs: 1025 },
      undefined,
    ],
    "a caller with time enough": [{ attempt: 1, remainingMs: 26 }, 25],
    "a caller whose time is up by then": [{ attempt: 1, remainingMs: 25 }, undefined],
    "Retry-After of an hour without a deadline": [
      { attempt: 1, retryAfterMs: 3_600_000 },
      undefined,
    ],
  };
for (const [what, [wait, delayMs]] of Object.entries(waits)) {
  Deno.test(`${what}: ${delayMs === undefined ? "no retry" : `${delayMs} ms`}`, () => {
    assert.equal(setup().next(wait), delayMs);
  });
}

Deno.test("full jitter: from zero to the full delay", () => {
  assert.equal(setup({ random: 0 }).next({ attempt: 1 }), 0);
  assert.ok(setup({ random: 0.999 }).next({ attempt: 1 })! > 49);
});

Deno.test("[F40] at any time retries are at most a tenth of all calls, in every sequence", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 50, maxLength: 400, size: "max" }), (calls) => {
      const budget = createRetryBudget();
      let [begun, retries, inARow] = [0, 0, 0];
      for (const isCall of calls) {
        if (isCall) {
          budget.earn();
          begun++;
          inARow = 0;
        } else if (budget.spend()) {
          retries++;
          assert.ok(++inARow <= 3, "the saved budget is small");
        }
        assert.ok(retries * 10 <= begun);
      }
    }),
  );
});

Deno.test("a long healthy time saves three retries and no more", () => {
  const retry = setup();
  const delays = Array.from({ length: 5 }, () => retry.next({ attempt: 1 }));
  assert.deepEqual(delays, [25, 25, 25, undefined, undefined]);
});

const stream = () => new ReadableStream();
const repeatable: readonly [RequestInit, boolean][] = [
  [{}, true],
  [{ method: "head" }, true],
  [{ method: "OPTIONS" }, true],
  [{ method: "PUT", body: "x" }, true],
  [{ method: "PUT", body: new Uint8Array(1) }, true],
  [{ method: "PUT", body: stream() }, false],
  [{ method: "DELETE" }, true],
  [{ method: "POST" }, false],
  [{ method: "PATCH", body: "x" }, false],
  [{ method: "PURGE" }, false],
];
for (const [init, isIt] of repeatable) {
  const { method = "GET", body } = init;
  Deno.test(`${method} with ${body?.constructor.name ?? "no body"} may ${isIt ? "" : "not "}be repeated`, () => {
    assert.equal(isRepeatable(init), isIt);
  });
}

const asked: readonly [string | null, number | undefined][] = [
  [null, undefined],
  ["0", 0],
  ["7", 7000],
  ["-1", undefined],
  ["1.5", undefined],
  ["soon", undefined],
  ["Thu, 01 Jan 1970 00:01:00 GMT", 30_000],
  ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
];
for (const [header, ms] of asked) {
  Deno.test(`Retry-After: ${header} means ${ms} ms`, () => {
    assert.equal(readRetryAfterMs(header, 30_000), ms);
  });
}
