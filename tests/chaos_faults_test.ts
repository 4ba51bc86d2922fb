import assert from "node:assert/strict";
import { performCases } from "./chaos/faults/perform.ts";

/**
 * Quick cases of each kind: Redis, services, an issuer, clocks, many callers, no disk space.
 * Durations are not checked.
 */
const only = [
  "F20",
  "F23",
  "F25",
  "F31",
  "F33",
  "F34",
  "F39",
  "F40",
  "F52",
  "F60",
  "F70",
  "F76",
  "D05",
  "strict",
];

Deno.test("faults of Redis, services and issuers get the responses of the fault matrix", async () => {
  const lines: string[] = [];
  const { passed, failed } = await performCases({
    only,
    isShort: true,
    faultMs: 600,
    stayMs: 3_000,
    randomMs: 0,
    seed: 1,
    judgesTimes: false,
    revocationTimeoutMs: 3_000,
    report: (line) => lines.push(line),
  });
  assert.equal(failed, 0, lines.join("\n"));
  assert.ok(passed >= 35, `${passed} cases`);
});
