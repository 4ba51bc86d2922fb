import { ROOT_CONTEXT } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { createExporter, type ExporterOptions } from "./exporter.ts";
import { createRandomHex, createTracer } from "./tracer.ts";
import { createMetrics } from "./metrics.ts";
import type { Signal } from "./settings.ts";

interface Sent {
  readonly signal: Signal;
  readonly body: string;
  /** Completes this request with the collector's response, and no other request. */
  settle(isTaken: boolean): void;
}

function setup(options: Partial<ExporterOptions> = {}, { isPatient = false } = {}) {
  const time = { now: 1000 };
  const sent: Sent[] = [];
  const results: boolean[] = [];
  const metrics = createMetrics({ now: () => time.now });
  const target = { url: "http://collector.example/", headers: {} };
  const exporter = createExporter({
    targets: { traces: { ...target, format: "otlp" }, metrics: target, logs: target },
    resource: { serviceName: "edgepass", instanceId: "0" },
    metrics,
    send: (signal, _target, encode) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      sent.push({ signal, body: encode(), settle: resolve });
      if (!isPatient) resolve(results.shift() ?? true);
      return promise;
    },
    now: () => time.now,
    maxQueueSize: 2000,
    metricIntervalMs: 60_000,
    isOneAtATime: true,
    ...options,
  });
  const tracer = createTracer({
    mode: "head",
    ratio: 1,
    slowMs: 0,
    now: () => time.now,
    randomHex: createRandomHex(),
    keep: exporter.takeSpan,
    onDrop: exporter.dropSpan,
  });
  const spans = (count: number) => {
    for (let each = 0; each < count; each++) tracer.startSpan("GET", {}, ROOT_CONTEXT).end();
  };
  const dropped = () =>
    Object.fromEntries(
      metrics.snapshot().metrics.flatMap(({ points }) => points)
        .map(({ attributes, value }) => [attributes[0]?.[1], value]),
    );
  const signals = () => sent.map(({ signal }) => signal);
  return { ...exporter, spans, sent, signals, results, dropped, metrics, time };
}

const countSpans = ({ body }: Sent) => body.split('"traceId"').length - 1;

Deno.test("spans and lines are sent in batches of 512", async () => {
  const { spans, takeLine, flush, sent } = setup();
  spans(1100);
  takeLine('{"message":"Hello"}');
  await flush();
  const traces = sent.filter(({ signal }) => signal === "traces");
  assert.deepEqual(traces.map(countSpans), [512, 512, 76]);
  const [logs] = sent.filter(({ signal }) => signal === "logs");
  assert.match(logs?.body ?? "", /Hello/);
  await flush();
  assert.equal(sent.length, 4);
});

Deno.test("an item that exceeds the queue is dropped and counted", async () => {
  const { spans, takeLine, dropSpan, flush, sent, dropped } = setup({ maxQueueSize: 3 });
  spans(5);
  for (let count = 0; count < 4; count++) takeLine("{}");
  dropSpan();
  assert.deepEqual(dropped(), { traces: 3, logs: 1 });
  await flush();
  assert.equal(countSpans(sent[0] ?? assert.fail()), 3);
  assert.deepEqual(sent.map(({ signal }) => signal), ["traces", "logs", "metrics"]);
});

Deno.test("a refused batch is dropped, and the next one waits for the next flush", async () => {
  const { spans, flush, sent, results, dropped } = setup();
  spans(600);
  results.push(false);
  await flush();
  assert.equal(sent[0]?.signal, "traces");
  assert.deepEqual(dropped(), { traces: 512 });
  await flush();
  assert.equal(countSpans(sent.findLast(({ signal }) => signal === "traces")!), 88);
});

Deno.test("a signal without a target is not collected", async () => {
  const { spans, takeLine, flush, sent, metrics, dropped } = setup({ targets: {} });
  spans(3000);
  for (let count = 0; count < 3000; count++) takeLine("{}");
  assert.deepEqual(dropped(), {});
  metrics.add("edgepass.redis.commands", {});
  await flush({ final: true });
  assert.deepEqual(sent, []);
});

Deno.test("metrics are sent when their interval has passed, and at the end", async () => {
  const { flush, signals, metrics, time } = setup();
  metrics.add("edgepass.redis.commands", {});
  await flush();
  await flush();
  assert.deepEqual(signals(), ["metrics"]);
  time.now += 59_999;
  await flush();
  assert.equal(signals().length, 1);
  time.now += 1;
  await flush();
  assert.equal(signals().length, 2);
  await flush({ final: true });
  assert.equal(signals().length, 3);
});

Deno.test("metrics that were never measured are not sent", async () => {
  const { flush, sent } = setup();
  await flush({ final: true });
  assert.deepEqual(sent, []);
});

const tracesOnly = {
  targets: { traces: { url: "http://collector.example/", headers: {}, format: "otlp" } },
} as const;

Deno.test("on Deno a flush during another one returns that one, and a final one follows it", async () => {
  const { spans, flush, sent } = setup(tracesOnly, { isPatient: true });
  spans(1);
  const first = flush();
  await Promise.resolve();
  spans(2);
  const second = flush();
  const last = flush({ final: true });
  assert.deepEqual(sent.map(countSpans), [1]);
  // After a failure the first flush leaves the rest to the next one.
  sent[0]?.settle(false);
  await Promise.all([first, second]);
  for (let turn = 0; turn < 20 && sent.length < 2; turn++) await Promise.resolve();
  assert.deepEqual(sent.map(countSpans), [1, 2]);
  sent[1]?.settle(true);
  await last;
});

Deno.test("on workerd no flush waits for another one's requests", async () => {
  const { spans, flush, sent } = setup({ ...tracesOnly, isOneAtATime: false }, {
    isPatient: true,
  });
  spans(1);
  const first = flush();
  spans(2);
  const second = flush();
  assert.deepEqual(sent.map(countSpans), [1, 2]);
  sent[1]?.settle(true);
  await second;
  sent[0]?.settle(true);
  await first;
});
