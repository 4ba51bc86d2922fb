import assert from "node:assert/strict";
import { exportRequest } from "../../tests/support/observed.ts";
import { acceptedTrace, toTraceBody, traceIdOf } from "../../tests/support/otlp.ts";
import { createCollector, type Signal } from "./collector.ts";
import { Refusal } from "./refusal.ts";
import type { Batch } from "./store.ts";

function setup({ keepsLogs = true, maxBytes = 100_000 } = {}) {
  const taken: Batch[] = [];
  const forwarded: [Signal, string][] = [];
  let measured = 0;
  const collect = createCollector({
    take: (batch) => taken.push(batch),
    onMetrics: () => measured++,
    forward: (signal, body) => forwarded.push([signal, body]),
    now: () => 1_000,
    keepsLogs,
    maxBytes,
  });
  return { collect, taken, forwarded, measured: () => measured };
}

const traceId = traceIdOf(1);
const good = toTraceBody(acceptedTrace({ traceId, start: 1_772_000_000_000.25 }));

/** The body of one span with some members replaced. */
function broken(members: object): string {
  const body = JSON.parse(good);
  const [span] = body.resourceSpans[0].scopeSpans[0].spans;
  body.resourceSpans[0].scopeSpans[0].spans = [{ ...span, ...members }];
  return JSON.stringify(body);
}

Deno.test("a trace export becomes spans with their service, times and values", async () => {
  const { collect, taken } = setup();
  const response = await collect("traces", exportRequest(good));
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {});
  const spans = taken[0]?.spans ?? [];
  assert.equal(spans.length, 7);
  const [root, , , sign] = spans;
  assert.equal(root?.service, "gateway");
  assert.equal(root?.kind, "server");
  assert.equal(root?.parentId, null);
  assert.equal(root?.start, 1_772_000_000_000.25);
  assert.equal(root?.durationMs, 10);
  assert.equal(root?.status, "unset");
  assert.equal(root?.attributes["http.response.status_code"], 200);
  assert.equal("edgepass.service" in (root?.attributes ?? {}), false);
  assert.deepEqual(sign?.attributes["edgepass.passport.roles"], ["learner"]);
});

Deno.test("unknown members and values are ignored", async () => {
  const { collect, taken } = setup();
  const body = broken({
    unknown: { deep: [1] },
    kind: 77,
    parentSpanId: "0000000000000000",
    status: { code: 9, message: "odd" },
    attributes: [
      { key: "bytes", value: { bytesValue: "AAEC" } },
      { key: "map", value: { kvlistValue: { values: [{ key: "a", value: { intValue: 1 } }] } } },
      { key: "big", value: { intValue: "9223372036854775807" } },
      { key: "none" },
      { key: "odd", value: { someValue: 1 } },
    ],
    events: [{ timeUnixNano: "1772000000000000000", name: "retry" }],
    links: [{ traceId, spanId: "bbbbbbbbbbbbbbbb", attributes: [] }],
  });
  await collect("traces", exportRequest(body));
  const [span] = taken[0]?.spans ?? [];
  assert.equal(span?.kind, "internal");
  assert.equal(span?.parentId, null);
  assert.equal(span?.service, "edgepass");
  assert.deepEqual(span?.attributes, {
    bytes: "AAEC",
    map: { a: 1 },
    big: "9223372036854775807",
    none: null,
    odd: null,
  });
  assert.deepEqual(span?.events, [{ name: "retry", time: 1_772_000_000_000, attributes: {} }]);
  assert.deepEqual(span?.links, [{ traceId, spanId: "bbbbbbbbbbbbbbbb" }]);
});

Deno.test("probes and the spans that they cause are not stored", async () => {
  const { collect, taken } = setup();
  const start = 1_772_000_000_000;
  const probe = { traceId: traceIdOf(2), service: "gateway", start };
  await collect(
    "traces",
    exportRequest(toTraceBody([
      { ...probe, spanId: "b000000000000001", kind: 2, attributes: { "url.path": "/readyz" } },
      { ...probe, spanId: "b000000000000002", parentSpanId: "b000000000000001" },
      ...acceptedTrace({ traceId, start }),
    ])),
  );
  assert.deepEqual(new Set(taken[0]?.spans?.map((span) => span.traceId)), new Set([traceId]));
});

const refused = {
  "another media type": [
    good,
    { "content-type": "application/x-protobuf" },
    415,
    /application\/json/,
  ],
  "no media type": [good, { "content-type": "" }, 415, /application\/json/],
  "an encoded body": [good, { "content-encoding": "gzip" }, 415, /Encoded/],
  "a body over the limit": ["x".repeat(100_001), {}, 413, /100000 bytes/],
  "what is not JSON": ["{", {}, 400, /not JSON/],
  "a list": ["[]", {}, 400, /the body is invalid/],
  "a trace id in capitals": [broken({ traceId: traceId.toUpperCase() }), {}, 400, /traceId/],
  "a trace id of zeros": [broken({ traceId: "0".repeat(32) }), {}, 400, /traceId/],
  "a short span id": [broken({ spanId: "b" }), {}, 400, /spanId/],
  "an invalid time": [broken({ startTimeUnixNano: "soon" }), {}, 400, /startTimeUnixNano/],
  "an invalid name": [broken({ name: 1 }), {}, 400, /name/],
  "invalid attributes": [broken({ attributes: "x" }), {}, 400, /attributes/],
} as const;

for (const [what, [body, headers, status, reason]] of Object.entries(refused)) {
  Deno.test(`the collector refuses ${what}, and stores and forwards nothing of it`, async () => {
    const { collect, taken, forwarded } = setup();
    await assert.rejects(
      collect("traces", exportRequest(body, headers)),
      (error) => error instanceof Refusal && error.status === status && reason.test(error.message),
    );
    assert.deepEqual(taken, []);
    assert.deepEqual(forwarded, []);
  });
}

Deno.test("a body of unknown length is cut off at the limit", async () => {
  const { collect, taken } = setup({ maxBytes: 10 });
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(8).fill(32));
    },
  });
  await assert.rejects(
    collect("traces", exportRequest(endless)),
    (error) => error instanceof Refusal && error.status === 413,
  );
  assert.ok(pulled < 5);
  assert.deepEqual(taken, []);
});

Deno.test("valid bodies of every signal are forwarded unchanged", async () => {
  const { collect, forwarded, measured } = setup();
  const bodies = { traces: good, metrics: `{"resourceMetrics":[]}`, logs: `{"resourceLogs":[]}` };
  for (const [signal, body] of Object.entries(bodies)) {
    await collect(signal as Signal, exportRequest(body));
  }
  assert.deepEqual(forwarded, Object.entries(bodies));
  assert.equal(measured(), 1);
});

const records = JSON.stringify({
  resourceLogs: [{
    resource: { attributes: [{ key: "service.name", value: { stringValue: "other" } }] },
    scopeLogs: [{
      logRecords: [
        {
          timeUnixNano: "1772000000000500000",
          severityNumber: 17,
          body: { stringValue: "Broken" },
          attributes: [
            { key: "edgepass.service", value: { stringValue: "course" } },
            { key: "code", value: { stringValue: "internal" } },
          ],
          traceId,
          spanId: "",
        },
        { severityNumber: 13, body: { kvlistValue: { values: [] } } },
      ],
    }],
  }],
});

Deno.test("log records become lines with level, service and trace", async () => {
  const { collect, taken } = setup();
  await collect("logs", exportRequest(records));
  assert.deepEqual(taken[0]?.lines, [
    {
      time: 1_772_000_000_000.5,
      level: "error",
      service: "course",
      traceId,
      spanId: null,
      message: "Broken",
      fields: { code: "internal" },
    },
    {
      time: 1_000,
      level: "warn",
      service: "other",
      traceId: null,
      spanId: null,
      message: "{}",
      fields: {},
    },
  ]);
});

Deno.test("where lines also come by another way their export is forwarded and not stored", async () => {
  const { collect, taken, forwarded } = setup({ keepsLogs: false });
  await collect("logs", exportRequest(records));
  assert.deepEqual(taken, []);
  assert.deepEqual(forwarded, [["logs", records]]);
});
