import { ROOT_CONTEXT, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createTelemetry, type TelemetryEffects } from "./telemetry.ts";

function setup(bindings: Record<string, unknown>, effects: Partial<TelemetryEffects> = {}) {
  const requests: { url: string; headers: Headers; body: string }[] = [];
  const lines: string[] = [];
  const time = { now: 1_700_000_000_000 };
  const telemetry = createTelemetry(bindings, {
    runtime: "deno",
    log: (line) => lines.push(line),
    now: () => time.now,
    wait: () => Promise.resolve(),
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      requests.push({ url, headers, body: String(init.body) });
      return Promise.resolve(new Response("{}"));
    },
    ...effects,
  });
  return { telemetry, requests, lines, time };
}

const under = (span: Span) => trace.setSpan(ROOT_CONTEXT, span);
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.example:4318" };

/** One item of every signal. */
function use({ tracer, metrics, logSink }: ReturnType<typeof setup>["telemetry"]): void {
  tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
  metrics.add("edgepass.redis.commands", { "edgepass.service": "gateway" });
  logSink?.('{"message":"Hello"}');
}

Deno.test("a program has its service name and an instance id of its own", async () => {
  const names = [
    [{}, {}, "edgepass"],
    [{}, { serviceName: "course" }, "course"],
    [{ OTEL_SERVICE_NAME: "school" }, { serviceName: "course" }, "school"],
  ] as const;
  const ids = new Set<string>();
  for (const [bindings, effects, expected] of names) {
    const { telemetry, requests } = setup({ ...endpoint, ...bindings }, effects);
    use(telemetry);
    await telemetry.flush();
    const found = new Set(
      requests.map(({ body }) => /"service\.name","value":\{"stringValue":"(.*?)"/.exec(body)?.[1]),
    );
    assert.deepEqual([...found], [expected]);
    for (const { body } of requests) {
      ids.add(/"service\.instance\.id","value":\{"stringValue":"(.*?)"/.exec(body)?.[1] ?? "");
    }
  }
  assert.equal(ids.size, names.length);
});

Deno.test("without an endpoint nothing is recorded, and ids are valid", () => {
  for (const runtime of ["deno", "workerd"] as const) {
    const { telemetry } = setup({}, { runtime });
    const span = telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT);
    assert.equal(span.isRecording(), false);
    assert.match(span.spanContext().traceId, /^[0-9a-f]{32}$/);
    assert.match(span.spanContext().spanId, /^[0-9a-f]{16}$/);
    assert.equal(telemetry.logSink, undefined);
  }
});

Deno.test("an unsampled failure is exported on workerd alone", async () => {
  for (const [runtime, expected] of [["deno", 0], ["workerd", 1]] as const) {
    const bindings = { ...endpoint, OTEL_TRACES_SAMPLER_ARG: "0" };
    const { telemetry, requests } = setup(bindings, { runtime });
    const span = telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT);
    telemetry.tracer.startSpan("sign", {}, under(span)).end();
    span.setStatus({ code: SpanStatusCode.ERROR }).end();
    telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
    await telemetry.flush();
    assert.equal(requests.length, expected);
    if (expected) assert.equal(requests[0]?.body.split('"traceId"').length, 3);
  }
});

Deno.test("the threshold for slow requests on workerd is a setting", async () => {
  const bindings = { ...endpoint, OTEL_TRACES_SAMPLER_ARG: "0", SLOW_REQUEST_MS: "50" };
  const { telemetry, requests, time } = setup(bindings, { runtime: "workerd" });
  const span = telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT);
  time.now += 51;
  span.end();
  await telemetry.flush();
  assert.equal(requests.length, 1);
});

Deno.test("an isolate of a Worker exports its metrics every ten seconds", async () => {
  const { telemetry, requests, time } = setup(endpoint, { runtime: "workerd" });
  telemetry.metrics.add("edgepass.redis.commands", {});
  await telemetry.flush();
  time.now += 9_999;
  await telemetry.flush();
  assert.equal(requests.length, 1);
  time.now += 1;
  await telemetry.flush();
  assert.equal(requests.length, 2);
});

Deno.test("on workerd no event waits for another one's export", async () => {
  const stuck = Promise.withResolvers<Response>();
  const responses = [stuck.promise, Promise.resolve(new Response("{}"))];
  const { telemetry } = setup(endpoint, {
    runtime: "workerd",
    fetch: () => responses.shift() ?? Promise.reject(new TypeError("no")),
  });
  telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
  const first = telemetry.flush();
  telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
  await telemetry.flush();
  stuck.resolve(new Response("{}"));
  await first;
});

Deno.test("Prometheus can scrape a program on Deno only", () => {
  const { telemetry } = setup({});
  telemetry.metrics.add("edgepass.redis.commands", { "edgepass.service": "auth" }, 2);
  assert.match(
    telemetry.prometheus?.() ?? "",
    /^edgepass_redis_commands_total\{edgepass_service="auth"\} 2$/m,
  );
  assert.equal(setup({}, { runtime: "workerd" }).telemetry.prometheus, undefined);
});

Deno.test("the gateway's sampling decision is read from settings", () => {
  const { telemetry } = setup({});
  const { sampleRatio, incoming, slowMs, scheduleDelayMs } = telemetry;
  assert.deepEqual({ sampleRatio, incoming, slowMs, scheduleDelayMs }, {
    sampleRatio: 1,
    incoming: "continue",
    slowMs: 1000,
    scheduleDelayMs: 5000,
  });
  const other = setup({
    OTEL_TRACES_SAMPLER_ARG: ".25",
    TRACE_INCOMING: "restart",
    SLOW_REQUEST_MS: "250",
    OTEL_BSP_SCHEDULE_DELAY: "200",
  }).telemetry;
  assert.deepEqual([other.sampleRatio, other.incoming, other.slowMs, other.scheduleDelayMs], [
    0.25,
    "restart",
    250,
    200,
  ]);
});

Deno.test("Deno's own provider is used where OTEL_DENO is set, without propagators", () => {
  for (const propagators of [undefined, "tracecontext,t0psecret"]) {
    assert.throws(
      () => setup({ OTEL_DENO: "true", OTEL_PROPAGATORS: propagators }),
      {
        name: "ConfigError",
        message: "Cannot start: OTEL_PROPAGATORS must be none where OTEL_DENO is true",
      },
    );
  }
  const { telemetry } = setup({ ...endpoint, OTEL_DENO: "true", OTEL_PROPAGATORS: "none" });
  const ours = setup(endpoint).telemetry;
  // In this process none is registered.
  assert.equal(telemetry.tracer.startSpan("GET", {}, ROOT_CONTEXT).isRecording(), false);
  assert.equal(ours.tracer.startSpan("GET", {}, ROOT_CONTEXT).isRecording(), true);
  assert.equal(setup({ OTEL_DENO: "false" }).telemetry.sampleRatio, 1);
});

Deno.test("a flush resolves whatever the collector does, and logs a failure in one line", async () => {
  const failures: TelemetryEffects["fetch"][] = [
    () => Promise.reject(new TypeError("refused")),
    () => {
      throw new RangeError("no");
    },
    () => Promise.resolve(new Response("", { status: 500 })),
    () => Promise.resolve(new Response("", { status: 429 })),
  ];
  for (const fetch of failures) {
    for (const runtime of ["deno", "workerd"] as const) {
      const { telemetry, lines } = setup(endpoint, { runtime, ...(fetch && { fetch }) });
      use(telemetry);
      await telemetry.flush();
      use(telemetry);
      await telemetry.flush({ final: true });
      assert.equal(lines.length, 1);
      assert.equal(JSON.parse(lines[0] ?? "").message, "Telemetry was not exported");
    }
  }
});

Deno.test("the provider returns the same tracer", () => {
  const { telemetry } = setup(endpoint);
  assert.equal(telemetry.tracerProvider.getTracer("any"), telemetry.tracer);
});
