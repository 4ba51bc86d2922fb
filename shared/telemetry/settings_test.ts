import { ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { ConfigError } from "../composition/settings.ts";
import { createTelemetry, type TelemetryEffects } from "./telemetry.ts";

function setup(bindings: Record<string, unknown>, runtime: TelemetryEffects["runtime"] = "deno") {
  const requests: { url: string; headers: Headers }[] = [];
  const telemetry = createTelemetry(bindings, {
    runtime,
    fetch: (url, init) => {
      requests.push({ url, headers: new Headers(init.headers) });
      return Promise.resolve(new Response("{}"));
    },
  });
  const urls = () => requests.map(({ url }) => url).toSorted();
  return { telemetry, requests, urls };
}

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.example:4318" };

/** One item of every signal. */
function use({ tracer, metrics, logSink }: ReturnType<typeof setup>["telemetry"]): void {
  tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
  metrics.add("edgepass.redis.commands", { "edgepass.service": "gateway" });
  logSink?.('{"message":"Hello"}');
}

const places = {
  "the common endpoint": [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c.example/otlp/" },
    [
      "http://c.example/otlp/v1/logs",
      "http://c.example/otlp/v1/metrics",
      "http://c.example/otlp/v1/traces",
    ],
  ],
  "a query in the common endpoint": [
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://c.example?k=v",
      OTEL_LOGS_EXPORTER: "none",
      OTEL_METRICS_EXPORTER: "none",
    },
    ["http://c.example/v1/traces?k=v"],
  ],
  "a signal's own endpoint": [
    {
      ...endpoint,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t.example/in",
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m.example/in",
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://l.example/in",
    },
    ["http://l.example/in", "http://m.example/in", "http://t.example/in"],
  ],
  "one signal's endpoint alone": [
    { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m.example/in" },
    ["http://m.example/in"],
  ],
  "Zipkin": [
    { OTEL_TRACES_EXPORTER: "zipkin" },
    ["http://localhost:9411/api/v2/spans"],
  ],
  "Zipkin elsewhere": [
    {
      OTEL_TRACES_EXPORTER: "zipkin",
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: "http://z.example/api/v2/spans",
    },
    ["http://z.example/api/v2/spans"],
  ],
  "no exporter": [
    {
      ...endpoint,
      OTEL_TRACES_EXPORTER: "none",
      OTEL_METRICS_EXPORTER: "none",
      OTEL_LOGS_EXPORTER: "none",
    },
    [],
  ],
  "nothing": [{}, []],
} as const;
for (const [what, [bindings, expected]] of Object.entries(places)) {
  for (const runtime of ["deno", "workerd"] as const) {
    Deno.test(`${what} decides the targets on ${runtime}`, async () => {
      const { telemetry, urls } = setup(bindings, runtime);
      use(telemetry);
      await telemetry.flush({ final: true });
      assert.deepEqual(urls(), expected);
    });
  }
}

Deno.test("headers, and credentials in an endpoint, reach the collector alone", async () => {
  const { telemetry, requests } = setup({
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://u%40x:p@collector.example",
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=abc%20d",
  });
  use(telemetry);
  await telemetry.flush({ final: true });
  for (const { url, headers } of requests) {
    assert.match(url, /^http:\/\/collector\.example\/v1\//);
    assert.equal(headers.get("api-key"), "abc d");
    assert.equal(headers.get("authorization"), `Basic ${btoa("u@x:p")}`);
  }
  const zipkin = setup({
    OTEL_TRACES_EXPORTER: "zipkin",
    OTEL_EXPORTER_OTLP_HEADERS: "api-key=abc",
  });
  use(zipkin.telemetry);
  await zipkin.telemetry.flush();
  assert.equal(zipkin.requests[0]?.headers.get("api-key"), null);
});

const refused = {
  OTEL_EXPORTER_OTLP_ENDPOINT: ["t0psecret", "ftp://t0psecret"],
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ["/t0psecret"],
  OTEL_EXPORTER_OTLP_HEADERS: ["t0psecret", "a=t0psecret%", "a=t0psecret%0a"],
  OTEL_TRACES_EXPORTER: ["t0psecret"],
  OTEL_EXPORTER_ZIPKIN_ENDPOINT: ["t0psecret"],
  OTEL_METRICS_EXPORTER: ["t0psecret"],
  OTEL_LOGS_EXPORTER: ["t0psecret"],
  OTEL_TRACES_SAMPLER_ARG: ["1.1", "-1", "half", "0x1", "NaN"],
  OTEL_BSP_SCHEDULE_DELAY: ["0", "soon"],
  OTEL_METRIC_EXPORT_INTERVAL: ["0", "2147483648"],
  OTEL_BSP_MAX_QUEUE_SIZE: ["0", "many"],
  TRACE_INCOMING: ["t0psecret"],
  SLOW_REQUEST_MS: ["-1"],
};
for (const [name, values] of Object.entries(refused)) {
  Deno.test(`${name} is refused by name when it is malformed`, () => {
    for (const value of values) {
      assert.throws(() => setup({ [name]: value }), (error) => {
        assert(error instanceof ConfigError);
        assert(error.message.includes(name), error.message);
        assert(!error.message.includes("t0psecret"), error.message);
        return true;
      });
    }
  });
}
