import assert from "node:assert/strict";
import * as z from "zod/mini";
import {
  createFakeQstash,
  eventBindings,
  openEventTables,
  signDelivery,
} from "../../tests/support/events.ts";
import { createLogger, runInContext } from "../context/request_context.ts";
import { orm } from "../sql/store.ts";
import { createTelemetry } from "../telemetry/telemetry.ts";
import { startTracedSpan, toTraceparent } from "../telemetry/trace_context.ts";
import { createEvents } from "./create_events.ts";

const table = {
  "note.written": {
    source: "/notes",
    version: 1,
    facet: "text",
    consumers: ["notes"],
    data: z.object({ text: z.string() }),
  },
} as const;

const Span = z.object({
  name: z.string(),
  kind: z.number(),
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.optional(z.string()),
});
const Traces = z.object({
  resourceSpans: z.array(z.object({
    scopeSpans: z.array(z.object({ spans: z.array(Span) })),
  })),
});

/** A service that consumes its own events, and its telemetry. */
async function setup() {
  const sql = await openEventTables();
  const bodies: string[] = [];
  const telemetry = createTelemetry(
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.test:4318" },
    {
      runtime: "deno",
      log: () => {},
      fetch: (url, init) => {
        if (url.endsWith("/v1/traces")) bodies.push(String(init.body));
        return Promise.resolve(new Response("{}"));
      },
    },
  );
  const qstash = createFakeQstash();
  const events = createEvents({
    service: "notes",
    table,
    sql,
    bindings: eventBindings,
    runtime: {
      now: Date.now,
      telemetry,
      createLogger: (service) => createLogger({ service, sink: () => {} }),
    },
  }, { fetch: qstash.fetch });
  const request = startTracedSpan(telemetry.tracer, "PUT /notes", {});
  const context = {
    service: "notes",
    trace: request.trace,
    activeSpan: request,
    telemetry,
    callChain: [],
    signal: new AbortController().signal,
  };
  const write = () =>
    runInContext(context, () =>
      orm(sql).batch(
        events.outbox.add({ type: "note.written", subject: "n1", data: { text: "x" } }),
      ));
  const deliver = async (body: string) =>
    await events.receive({
      body: new TextEncoder().encode(body).buffer,
      signature: await signDelivery("https://school.test/events/notes", body),
    });
  const spans = async () => {
    request.span.end();
    await telemetry.flush({ final: true });
    return bodies.flatMap((body) =>
      z.parse(Traces, JSON.parse(body)).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans)
      )
    );
  };
  const metric = (name: string) =>
    (telemetry.prometheus?.() ?? "").split("\n").filter((line) => line.startsWith(name));
  return {
    events,
    qstash,
    request,
    write,
    deliver,
    spans,
    metric,
    [Symbol.dispose]: () => sql.close(),
  };
}

Deno.test("publishing and processing are spans in the trace of the request that caused the event", async () => {
  using notes = await setup();
  const handled: string[] = [];
  notes.events.on({
    "note.written": () => {
      handled.push("once");
      return [];
    },
  });
  await notes.write();
  await notes.events.maintain();
  const [message] = notes.qstash.messages;
  await notes.deliver(message?.body ?? "");
  const spans = await notes.spans();
  const find = (name: string) => spans.find((span) => span.name === name);
  const { traceId, spanId } = notes.request.trace;
  const [publish, handle] = [find("publish note.written"), find("process note.written")];
  assert.deepEqual([publish?.traceId, publish?.parentSpanId, publish?.kind], [traceId, spanId, 4]);
  assert.deepEqual([handle?.traceId, handle?.parentSpanId, handle?.kind], [traceId, spanId, 5]);
  assert.equal(
    message?.headers["upstash-forward-traceparent"],
    toTraceparent({ traceId, spanId: publish?.spanId ?? "", flags: 1 }),
  );
  assert.deepEqual(handled, ["once"]);
});

Deno.test("processing is a child span of a delivery that has the trace header", async () => {
  using notes = await setup();
  notes.events.on({ "note.written": () => [] });
  await notes.write();
  await notes.events.maintain();
  const body = notes.qstash.messages[0]?.body ?? "";
  const delivery = {
    ...notes.request,
    trace: { ...notes.request.trace, spanId: "00f067aa0ba902b7" },
  };
  const context = {
    service: "notes",
    trace: delivery.trace,
    activeSpan: delivery,
    callChain: [],
    signal: new AbortController().signal,
  };
  await runInContext(context, () => notes.deliver(body));
  const handle = (await notes.spans()).find(({ name }) => name === "process note.written");
  assert.equal(handle?.parentSpanId, notes.request.span.spanContext().spanId);
});

Deno.test("the backlog and failed publications are counted", async () => {
  using notes = await setup();
  notes.events.on({ "note.written": () => [] });
  await notes.write();
  await notes.write();
  notes.qstash.fail(() => new Response(null, { status: 503 }));
  await notes.events.maintain();
  const waiting = 'edgepass_events_outbox_waiting{edgepass_service="notes"}';
  assert.deepEqual(notes.metric(waiting), [`${waiting} 2`]);
  const published = (outcome: string) =>
    `edgepass_events_published_total{edgepass_service="notes",edgepass_event_type="note.written",edgepass_outcome="${outcome}"}`;
  assert.deepEqual(notes.metric(published("failed")), [`${published("failed")} 2`]);
});

Deno.test("a signed delivery with Upstash-Retried is counted as a retry", async () => {
  using notes = await setup();
  notes.events.on({ "note.written": () => [] });
  await notes.write();
  await notes.events.maintain();
  const body = notes.qstash.messages[0]?.body ?? "";
  const bytes = new TextEncoder().encode(body).buffer;
  const signature = await signDelivery(notes.qstash.messages[0]?.destination ?? "", body);
  for (const retried of [undefined, "0", "1", "12", "many", "-1"]) {
    await notes.events.receive({ body: bytes, signature, retried });
  }
  await assert.rejects(notes.events.receive({ body: bytes, signature: "forged", retried: "1" }));
  assert.deepEqual(notes.metric("edgepass_events_retries_total"), [
    'edgepass_events_retries_total{edgepass_service="notes",edgepass_event_type="note.written"} 2',
  ]);
});

Deno.test("deliveries are counted by outcome", async () => {
  using notes = await setup();
  notes.events.on({ "note.written": () => [] });
  await notes.write();
  await notes.events.maintain();
  const body = notes.qstash.messages[0]?.body ?? "";
  await notes.deliver(body);
  await notes.deliver(body);
  await assert.rejects(notes.deliver("{"));
  await assert.rejects(
    notes.events.receive({ body: new ArrayBuffer(0), signature: undefined }),
  );
  const lines = notes.metric("edgepass_events_deliveries_total");
  const counted = lines.map((line) => /edgepass_outcome="(\w+)"} (\d+)/.exec(line)?.slice(1));
  assert.deepEqual(counted.toSorted(), [
    ["applied", "1"],
    ["duplicate", "1"],
    ["poison", "1"],
    ["refused", "1"],
  ]);
  assert.equal(notes.metric("edgepass_events_lag_seconds_count").length, 1);
  assert.equal(notes.metric("edgepass_events_outbox_age_seconds_count").length, 1);
});
