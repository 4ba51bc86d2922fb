import { Problem } from "@edgepass/shared/problem";
import { noopSpan, noopTelemetry, type Telemetry } from "@edgepass/shared/telemetry";
import assert from "node:assert/strict";
import { openSteps } from "./steps.ts";

function setup() {
  const values = new Map<string, number>();
  const note = (name: string, by: number): void =>
    void values.set(name, (values.get(name) ?? 0) + by);
  const metrics: Telemetry["metrics"] = {
    add: (name, _attributes, by = 1) => note(name, by),
    move: (name, _attributes, by) => note(name, by),
    record: (name) => note(name, 1),
  };
  const steps = openSteps({ ...noopTelemetry(), metrics }, noopSpan());
  return {
    steps,
    active: () => values.get("edgepass.upstream.active"),
    /** How often each metric was recorded. */
    measured: (name: string) => values.get(name),
  };
}

const call = { method: "GET", peer: "course" };
const calls = "http.client.request.duration";
const durations = "edgepass.gateway.step.duration";

Deno.test("an upstream call is counted as active until its response begins, and once", () => {
  const { steps, active, measured } = setup();
  const step = steps.beginCall(call);
  assert.equal(active(), 1);
  step.end();
  assert.equal(active(), 0);
  // A later failure is one of the envelope: the call has ended by then.
  assert.throws(() => step.fail(new Problem("upstream_bad_response")));
  step.end();
  assert.deepEqual([active(), measured(calls), measured(durations)], [0, 1, 1]);
});

Deno.test("a failed call is no longer counted as active", () => {
  const { steps, active, measured } = setup();
  const failure = new Problem("upstream_unavailable");
  assert.throws(() => steps.beginCall(call).fail(failure), failure);
  assert.deepEqual([active(), measured(calls), measured(durations)], [0, 1, 1]);
});

Deno.test("a step ends whether it succeeds or throws, and its error is thrown again", async () => {
  const { steps, measured } = setup();
  assert.equal(await steps.run("sign", () => Promise.resolve("passport")), "passport");
  const refusal = new Problem("token_revoked");
  await assert.rejects(steps.run("revocation", () => Promise.reject(refusal)), refusal);
  assert.deepEqual(Object.keys(steps.durationsMs), ["sign", "revocation"]);
  assert.equal(measured(durations), 2);
});
