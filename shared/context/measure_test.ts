import assert from "node:assert/strict";
import { type RequestContext, runInContext } from "./request_context.ts";
import { Problem } from "../problem.ts";
import { isProbe, newTrace, noopSpan, startTracedSpan } from "../telemetry/trace_context.ts";
import { annotate, count, countOutcomes, measure, measureDatabase } from "./measure.ts";
import { noopTelemetry, type Telemetry } from "../telemetry/telemetry.ts";

type Recorded = readonly [call: string, name: string, attributes: object, value: number];

/** A context whose measurements are recorded. */
function setup() {
  const recorded: Recorded[] = [];
  const note = (call: string) => (name: string, attributes: object, value = 1): void => {
    recorded.push([call, name, attributes, value]);
  };
  const telemetry: Telemetry = {
    ...noopTelemetry(),
    metrics: { add: note("add"), move: note("move"), record: note("record") },
  };
  const activeSpan = noopSpan();
  const context: RequestContext = {
    service: "course",
    trace: activeSpan.trace,
    activeSpan,
    telemetry,
    callChain: [],
    signal: new AbortController().signal,
  };
  return { recorded, within: <Result>(work: () => Result) => runInContext(context, work) };
}

Deno.test("outside of a request nothing is measured and nothing fails", async () => {
  count("edgepass.auth.sign_ins", { "edgepass.outcome": "ok" });
  measure("edgepass.redis.callers", {}, 1);
  annotate({ a: 1 });
  assert.equal(await measureDatabase("QUERY", 1, () => Promise.resolve("rows")), "rows");
});

Deno.test("outcomes are counted as ok, or the code of the failure, which is thrown on", async () => {
  const { recorded, within } = setup();
  const refusal = new Problem("credentials_invalid");
  const signIn = countOutcomes(
    "edgepass.auth.sign_ins",
    (isRight: boolean) => isRight ? Promise.resolve("login") : Promise.reject(refusal),
  );
  assert.equal(await within(() => signIn(true)), "login");
  await assert.rejects(within(() => signIn(false)), refusal);
  assert.deepEqual(recorded, [
    ["add", "edgepass.auth.sign_ins", { "edgepass.outcome": "ok" }, 1],
    ["add", "edgepass.auth.sign_ins", { "edgepass.outcome": "credentials_invalid" }, 1],
  ]);
});

Deno.test("database work is measured under its service, also when it fails", async () => {
  const { recorded, within } = setup();
  await within(() => measureDatabase("BATCH", 3, () => Promise.resolve([])));
  const failing = () => Promise.reject(new RangeError("secret text"));
  await assert.rejects(within(() => measureDatabase("QUERY", 1, failing)), RangeError);
  const attributes = recorded.map(([call, name, attributes]) => [call, name, attributes]);
  const metric = "db.client.operation.duration";
  const common = { "edgepass.service": "course" };
  assert.deepEqual(attributes, [
    ["record", metric, { ...common, "db.operation.name": "BATCH", "error.type": "" }],
    ["record", metric, { ...common, "db.operation.name": "QUERY", "error.type": "RangeError" }],
  ]);
  assert.ok(!JSON.stringify(recorded).includes("secret text"));
});

Deno.test("without a provider a span still has a trace context of its own in its parent's trace", () => {
  const { tracer } = noopTelemetry();
  const root = startTracedSpan(tracer, "root");
  const remote = { ...newTrace(), state: "a=1" };
  const child = startTracedSpan(tracer, "child", { parent: remote });
  const grandchild = startTracedSpan(tracer, "grandchild", { parent: child });
  assert.match(root.trace.traceId, /^(?!0+$)[0-9a-f]{32}$/);
  assert.equal(child.trace.traceId, remote.traceId);
  assert.equal(grandchild.trace.traceId, remote.traceId);
  assert.equal(grandchild.trace.state, "a=1");
  const ids = [remote.spanId, child.trace.spanId, grandchild.trace.spanId];
  assert.equal(new Set(ids).size, 3);
});

Deno.test("below a noop span no provider is called", () => {
  const refuse = () => assert.fail("was asked");
  const tracer = { startSpan: refuse, startActiveSpan: refuse };
  const idle = noopSpan();
  const child = startTracedSpan(tracer, "child", { parent: idle });
  assert.equal(child.trace.traceId, idle.trace.traceId);
  assert.notEqual(child.trace.spanId, idle.trace.spanId);
  assert.equal(child.span.isRecording(), false);
});

Deno.test("probes are recognised by their whole path", () => {
  assert.deepEqual(["/livez", "/readyz", "/metrics", "/livez/x", "/"].map(isProbe), [
    true,
    true,
    true,
    false,
    false,
  ]);
});
