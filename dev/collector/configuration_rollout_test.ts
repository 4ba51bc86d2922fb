import assert from "node:assert/strict";
import type { LogLine } from "./api.ts";
import { createRollout } from "./configuration_rollout.ts";

const time = 1_772_000_000_000;
const taken = "Configuration in force";
const refused = "Configuration does not fit: the last good one stays";

function lineOf(service: string, message: string, version: unknown): LogLine {
  const context = { traceId: null, spanId: null };
  return { time, level: "info", service, message, ...context, fields: { version } };
}

Deno.test("a program has the version that it applied last, and none before its first", () => {
  const rollout = createRollout(["gateway", "user"]);
  const observed = rollout.observe([lineOf("gateway", taken, 3), lineOf("gateway", taken, 4)]);
  assert.equal(observed, 4);
  assert.deepEqual(rollout.read(), [
    { service: "gateway", version: 4, since: time, refused: null },
    { service: "user", version: null, since: null, refused: null },
  ]);
});

Deno.test("a refused version is shown beside the applied one, until a newer one is applied", () => {
  const rollout = createRollout(["user"]);
  rollout.observe([lineOf("user", taken, 3)]);
  assert.equal(rollout.observe([lineOf("user", refused, 4)]), 4);
  assert.deepEqual(rollout.read(), [{ service: "user", version: 3, since: time, refused: 4 }]);
  rollout.observe([lineOf("user", taken, 5)]);
  assert.deepEqual(rollout.read(), [{ service: "user", version: 5, since: time, refused: null }]);
});

for (
  const line of [
    lineOf("user", "Request served", 4),
    lineOf("user", `${taken}.`, 4),
    lineOf("user", taken, "4"),
    lineOf("stranger", taken, 4),
  ]
) {
  Deno.test(`${line.service} logging ${line.message} with ${JSON.stringify(line.fields)} reports no version`, () => {
    const rollout = createRollout(["user"]);
    assert.equal(rollout.observe([line]), undefined);
    assert.equal(rollout.read()[0]?.version, null);
  });
}
