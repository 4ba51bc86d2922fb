import assert from "node:assert/strict";
import { runInContext } from "../context.ts";
import { idleSpan } from "../telemetry/open_span.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createQuietTelemetry } from "../telemetry/quiet.ts";
import { createWatch } from "./watch.ts";

/** What is measured in a request that some service serves. */
function setup() {
  const metrics = createMetrics({ now: () => 0 });
  const opened = idleSpan();
  const serve = (service: string, work: () => void) =>
    runInContext({
      service,
      trace: opened.trace,
      opened,
      telemetry: { ...createQuietTelemetry(), metrics },
      callChain: [],
      signal: new AbortController().signal,
    }, work);
  const open = () =>
    metrics.snapshot().metrics.find(({ name }) => name === "edgepass.breaker.open")?.points.map((
      { attributes, value },
    ) => [...attributes.map(([, text]) => text), value]);
  return { serve, open };
}

Deno.test("a breaker counts as open from its opening to its closing, whatever comes between", () => {
  const { serve, open } = setup();
  const watch = createWatch("course");
  serve("gateway", () => watch.transition("open", "closed"));
  assert.deepEqual(open(), [["gateway", "course", 1]]);
  serve("gateway", () => {
    watch.transition("half_open", "open");
    watch.transition("open", "half_open");
    watch.transition("half_open", "open");
  });
  assert.deepEqual(open(), [["gateway", "course", 1]]);
  serve("gateway", () => watch.transition("closed", "half_open"));
  assert.deepEqual(open(), [["gateway", "course", 0]]);
});

Deno.test("what counted a breaker as open counts it as closed, whoever is served by then", () => {
  const { serve, open } = setup();
  const watch = createWatch("redis");
  serve("user", () => watch.transition("open", "closed"));
  serve("course", () => watch.transition("closed", "half_open"));
  assert.deepEqual(open(), [["user", "redis", 0]]);
  serve("course", () => watch.transition("open", "closed"));
  watch.transition("closed", "half_open");
  assert.deepEqual(open(), [["user", "redis", 0], ["course", "redis", 0]]);
});
