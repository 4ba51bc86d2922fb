import assert from "node:assert/strict";
import { runInContext } from "../context/request_context.ts";
import { noopSpan } from "../telemetry/trace_context.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { noopTelemetry } from "../telemetry/telemetry.ts";
import { createInstrumentation } from "./resilience.ts";

/** The measurements in a request of a service. */
function setup() {
  const metrics = createMetrics({ now: () => 0 });
  const activeSpan = noopSpan();
  const serve = (service: string, work: () => void) =>
    runInContext({
      service,
      trace: activeSpan.trace,
      activeSpan,
      telemetry: { ...noopTelemetry(), metrics },
      callChain: [],
      signal: new AbortController().signal,
    }, work);
  const open = () =>
    metrics.snapshot().metrics.find(({ name }) => name === "edgepass.breaker.open")?.points.map((
      { attributes, value },
    ) => [...attributes.map(([, text]) => text), value]);
  return { serve, open };
}

Deno.test("a breaker counts as open from its opening to its closing, with every event in between", () => {
  const { serve, open } = setup();
  const instrumentation = createInstrumentation("course");
  serve("gateway", () => instrumentation.transition("open", "closed"));
  assert.deepEqual(open(), [["gateway", "course", 1]]);
  serve("gateway", () => {
    instrumentation.transition("half_open", "open");
    instrumentation.transition("open", "half_open");
    instrumentation.transition("half_open", "open");
  });
  assert.deepEqual(open(), [["gateway", "course", 1]]);
  serve("gateway", () => instrumentation.transition("closed", "half_open"));
  assert.deepEqual(open(), [["gateway", "course", 0]]);
});

Deno.test("the metrics that counted a breaker as open count it as closed, whichever request closes it", () => {
  const { serve, open } = setup();
  const instrumentation = createInstrumentation("redis");
  serve("user", () => instrumentation.transition("open", "closed"));
  serve("course", () => instrumentation.transition("closed", "half_open"));
  assert.deepEqual(open(), [["user", "redis", 0]]);
  serve("course", () => instrumentation.transition("open", "closed"));
  instrumentation.transition("closed", "half_open");
  assert.deepEqual(open(), [["user", "redis", 0], ["course", "redis", 0]]);
});
