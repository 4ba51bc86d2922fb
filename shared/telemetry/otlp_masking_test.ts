import { SpanStatusCode } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createRandomHex, createTracer } from "./tracer.ts";
import { createMetrics } from "./metrics.ts";
import { toOtlpLogs, toOtlpMetrics, toOtlpTraces } from "./otlp.ts";
import type { SpanRecord } from "./span.ts";

const resource = { serviceName: "edgepass", instanceId: "0123456789abcdef" };
const at = 1_700_000_000_000;

const secrets = {
  "an e-mail address": "person@example.com",
  "a token": `eyJhbGciOiJFZERTQSJ9.${"eyJzdWIiOiJ4In0"}.${"c2lnbmF0dXJl".repeat(4)}`,
  "an opaque token": "k3Jd8fK2l".repeat(6),
};
for (const [what, secret] of Object.entries(secrets)) {
  Deno.test(`${what} in a span, a metric or a line is not exported`, () => {
    const exported: SpanRecord[] = [];
    const tracer = createTracer({
      mode: "head",
      ratio: 1,
      slowMs: 0,
      now: () => at,
      randomHex: createRandomHex(),
      keep: (span) => exported.push(span),
      onDrop: () => {},
    });
    const attributes = {
      alone: secret,
      within: `said ${secret} aloud`,
      list: [secret],
      long: `${"word ".repeat(101)}${secret}`,
    };
    const context = { traceId: "c".repeat(32), spanId: "d".repeat(16), traceFlags: 1 };
    const span = tracer.startSpan(`GET ${secret}`, { attributes });
    span.addEvent(secret, attributes).addLink({ context, attributes });
    span.recordException(new Error(secret));
    span.setStatus({ code: SpanStatusCode.ERROR, message: secret });
    span.end();
    const metrics = createMetrics({ now: () => at });
    metrics.add("edgepass.passports.refused", { "edgepass.reason": secret });
    const line = JSON.stringify({ message: secret, service: secret, field: { inner: [secret] } });
    const lines = [{ line, takenMs: at }, { line: secret, takenMs: at }];
    for (
      const body of [
        toOtlpTraces(exported, resource),
        toOtlpMetrics(metrics.snapshot(), resource),
        toOtlpLogs(lines, resource),
      ]
    ) {
      assert(!body.includes(secret));
      assert(!body.includes(secret.slice(0, 12)), body);
    }
  });
}
