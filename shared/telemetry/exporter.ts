import type { LogSink } from "../log.ts";
import type { MeasuredMetrics } from "./metrics.ts";
import { type TakenLine, toOtlpLogs } from "./otlp_logs.ts";
import { toOtlpMetrics } from "./otlp_metrics.ts";
import { toOtlpTraces } from "./otlp_traces.ts";
import type { Resource } from "./otlp_value.ts";
import { createQueue, type Queue } from "./queue.ts";
import type { Send } from "./sender.ts";
import type { SpanRecord } from "./span_record.ts";
import type { Target, Targets } from "./targets.ts";
import type { FlushOptions } from "./telemetry.ts";
import { toZipkin } from "./zipkin.ts";

/** Dependencies of an exporter. */
export interface ExporterOptions {
  readonly targets: Targets;
  readonly resource: Resource;
  readonly metrics: MeasuredMetrics;
  readonly send: Send;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The maximum of queued spans, and the same maximum of log lines. */
  readonly maxQueueSize: number;
  /** Milliseconds between two exports of metrics. */
  readonly metricIntervalMs: number;
  /**
   * Whether a flush waits for the one in progress. On Workers it must not, since no request may
   * wait for another's I/O; there every flush sends what it finds.
   */
  readonly isOneAtATime: boolean;
}

/** Collects, and sends in batches. */
export interface Exporter {
  /** Adds a span that has ended. */
  readonly takeSpan: (span: SpanRecord) => void;
  /** Counts a span that was dropped elsewhere. */
  readonly dropSpan: () => void;
  /** Adds a finished log line. */
  readonly takeLine: LogSink;
  /** Sends everything collected; never rejects. */
  flush(options?: FlushOptions): Promise<void>;
}

const maxBatch = 512;

/** Creates an exporter to the targets; a signal without a target is not collected. */
export function createExporter(options: ExporterOptions): Exporter {
  const { targets: { traces, metrics: measured, logs }, resource, metrics, send, now } = options;
  const { maxQueueSize: maxSize, metricIntervalMs, isOneAtATime } = options;
  const drop = (signal: BatchSignal) => (items: number) =>
    metrics.add("edgepass.telemetry.dropped", { "edgepass.signal": signal }, items);
  const spans = createQueue<SpanRecord>({ maxSize, onDrop: drop("traces") });
  const lines = createQueue<TakenLine>({ maxSize, onDrop: drop("logs") });
  const toTraces = traces?.format === "zipkin" ? toZipkin : toOtlpTraces;
  const sendSpans = (target: Target) => (batch: readonly SpanRecord[]) =>
    send("traces", target, () => toTraces(batch, resource));
  const sendLines = (target: Target) => (batch: readonly TakenLine[]) =>
    send("logs", target, () => toOtlpLogs(batch, resource));
  let measuredAt = Number.NEGATIVE_INFINITY;

  async function sendMetrics(target: Target): Promise<void> {
    measuredAt = now();
    const snapshot = metrics.snapshot();
    if (snapshot.metrics.length === 0) return;
    await send("metrics", target, () => toOtlpMetrics(snapshot, resource));
  }

  async function sendAll(isFinal: boolean): Promise<void> {
    await Promise.all([
      traces && drain(spans, sendSpans(traces), drop("traces")),
      logs && drain(lines, sendLines(logs), drop("logs")),
    ]);
    // Last, so that it includes the drops of this flush.
    const isDue = isFinal || now() - measuredAt >= metricIntervalMs;
    if (measured && isDue) await sendMetrics(measured);
  }

  const run = isOneAtATime ? oneAtATime(sendAll) : sendAll;
  return {
    takeSpan: (span) => traces && spans.push(span),
    dropSpan: () => drop("traces")(1),
    takeLine: (line) => logs && lines.push({ line, takenMs: now() }),
    flush: ({ final: isFinal = false } = {}) => run(isFinal),
  };
}

type BatchSignal = "traces" | "logs";

/** After a failure the rest stays for the next flush: the collector needs a pause. */
async function drain<Item>(
  queue: Queue<Item>,
  sendBatch: (batch: readonly Item[]) => Promise<boolean>,
  drop: (items: number) => void,
): Promise<void> {
  for (let batch = queue.take(maxBatch); batch.length > 0; batch = queue.take(maxBatch)) {
    if (!(await sendBatch(batch))) return drop(batch.length);
  }
}

/** A call during another one returns that one; a final call runs after it, for later items. */
function oneAtATime(work: (isFinal: boolean) => Promise<void>): typeof work {
  let running: Promise<void> | undefined;
  return async function run(isFinal) {
    if (running && !isFinal) return await running;
    const mine = (running ?? Promise.resolve()).then(() => work(isFinal));
    running = mine;
    await mine;
    if (running === mine) running = undefined;
  };
}
