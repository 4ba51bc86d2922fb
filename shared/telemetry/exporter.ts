import type { Logger, LogSink } from "../log.ts";
import type { MeasuredMetrics } from "./metrics.ts";
import { type Resource, type TakenLine, toOtlpLogs, toOtlpMetrics, toOtlpTraces } from "./otlp.ts";
import type { SpanRecord } from "./span.ts";
import type { Signal, Target, Targets } from "./settings.ts";
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

/** What to send. */
export interface FlushOptions {
  /** Everything, due or not: the program ends. */
  readonly final?: boolean;
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

/** Holds items until they are sent. */
export interface Queue<Item> {
  /** Adds an item; a full queue drops it. */
  push(item: Item): void;
  /** Removes up to `max` items, the oldest first. */
  take(max: number): readonly Item[];
}

/** A queue of at most `maxSize` items. */
export function createQueue<Item>(
  { maxSize, onDrop }: { maxSize: number; onDrop: (items: number) => void },
): Queue<Item> {
  const items: Item[] = [];
  return {
    push(item) {
      if (items.length < maxSize) items.push(item);
      else onDrop(1);
    },
    take: (max) => items.splice(0, max),
  };
}

/**
 * Posts the result of `encode` to a collector; returns whether it was accepted, and never rejects.
 */
export type Send = (signal: Signal, target: Target, encode: () => string) => Promise<boolean>;

/** Dependencies of a sender. */
export interface SenderEffects {
  /** Calls the collector. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Waits, in milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** Receives failures, at most one a minute. */
  readonly log: Logger;
  /** The limit of one request, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Statuses after which OTLP/HTTP has a client retry. */
const passing = new Set([429, 502, 503, 504]);
const defaultWaitMs = 1_000;
const maxWaitMs = 5_000;
const warnEveryMs = 60_000;

/** A sender that retries once when the collector is busy, unless its `Retry-After` exceeds 5 s. */
export function createSender(
  { fetch, now, wait, log, timeoutMs = 10_000 }: SenderEffects,
): Send {
  let complainedAt = Number.NEGATIVE_INFINITY;

  /** Neither path nor query nor the error's message, which quotes them: each can hold a key. */
  function warn(signal: Signal, { url }: Target, reason: string): void {
    if (now() - complainedAt < warnEveryMs) return;
    complainedAt = now();
    log.warn("Telemetry was not exported", { signal, collector: new URL(url).host, reason });
  }

  async function post({ url, headers }: Target, body: string): Promise<Response> {
    const aborter = new AbortController();
    const timer = setTimeout(
      () => aborter.abort(new DOMException("No answer in time", "TimeoutError")),
      timeoutMs,
    );
    try {
      const response = await fetch(url, {
        method: "POST",
        // The content type is ours; a redirect would send the key to its target.
        headers: { ...headers, "content-type": "application/json" },
        redirect: "manual",
        body,
        signal: aborter.signal,
      });
      await response.body?.cancel();
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  return async function send(signal, target, encode) {
    try {
      const body = encode();
      let response = await post(target, body);
      const waitMs = passing.has(response.status) ? readRetryAfter(response, now()) : Infinity;
      if (waitMs <= maxWaitMs) {
        await wait(waitMs);
        response = await post(target, body);
      }
      if (response.ok) return true;
      warn(signal, target, `HTTP ${response.status}`);
    } catch (error) {
      warn(signal, target, error instanceof Error ? error.name : "unknown");
    }
    return false;
  };
}

/** Milliseconds to wait (RFC 9110 §10.2.3): seconds or a date. */
function readRetryAfter(response: Response, nowMs: number): number {
  const text = response.headers.get("retry-after");
  if (text === null) return defaultWaitMs;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? defaultWaitMs : Math.max(0, ms);
}
