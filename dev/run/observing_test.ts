import assert from "node:assert/strict";
import { requireTelemetrySettings, toForwardTargets } from "./observing.ts";

const endpoint = "https://collector.test/otlp/";

Deno.test("telemetry is forwarded to the given collector, with its key", () => {
  const targets = toForwardTargets({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "https://logs.test/in",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b",
  });
  assert.deepEqual(targets, {
    urls: {
      traces: "https://collector.test/otlp/v1/traces",
      metrics: "https://collector.test/otlp/v1/metrics",
      logs: "https://logs.test/in",
    },
    headers: { "x-key": "a b" },
  });
});

Deno.test("nothing is forwarded without a collector", () => {
  assert.equal(toForwardTargets({}), undefined);
});

Deno.test("dev never forwards to itself, even with the settings of dev.env", () => {
  const own = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:8788", DASHBOARD_PORT: "8788" };
  assert.equal(toForwardTargets(own), undefined);
});

const malformed = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "collector",
  OTEL_EXPORTER_OTLP_HEADERS: "no pair",
  OTEL_TRACES_SAMPLER_ARG: "2",
  TRACE_INCOMING: "drop",
} as const;
for (const [name, value] of Object.entries(malformed)) {
  Deno.test(`a ${name} that is malformed is refused by name, without its value`, () => {
    assert.throws(
      () => requireTelemetrySettings({ [name]: value }),
      (error) =>
        error instanceof Error && error.message.startsWith(`Cannot start: ${name}`) &&
        !error.message.includes(value),
    );
  });
}
