import { type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import type { SpanRecord } from "./span_record.ts";

/** Spans of one trace in this isolate that are kept or dropped together. */
export interface LocalTrace {
  readonly root: string;
  /** Every span that has begun; empty once it is decided. */
  spans: SpanRecord[];
  verdict: "open" | "kept" | "dropped";
}

/** What a decision at the end needs. */
export interface TailOptions {
  /** A local root that lasts longer keeps its spans. */
  readonly slowMs: number;
  /** Takes what is kept, ended. */
  readonly keep: (span: SpanRecord) => void;
  /** Told of every span that found no room. */
  readonly onDrop: () => void;
}

/** Decides over spans when the first of them in this isolate, their local root, has ended. */
export interface Tail {
  /** The group of the parent, if that is a span of this isolate; else a new one of this span. */
  join(own: SpanContext, parentId: string | undefined): LocalTrace;
  /** Puts a span that begins into its group. */
  add(span: SpanRecord): void;
  /** Decides if the span is its group's root; what ends later follows. */
  end(span: SpanRecord): void;
}

const maxSpans = 512;
const maxOpen = 1000;

/**
 * Keeps a local trace if it is sampled, if its root failed or if it was slow.
 *
 * A request that is cut off may never end its root: of more than 1000 open groups the oldest can no
 * longer be found by a service in the same isolate, and the rest is the garbage collector's.
 */
export function createTail({ slowMs, keep, onDrop }: TailOptions): Tail {
  const openTraces = new Map<string, LocalTrace>();

  function decide(root: SpanRecord): boolean {
    return (root.context.traceFlags & 1) === 1 ||
      root.status.code === SpanStatusCode.ERROR ||
      (root.end ?? root.start) - root.start > slowMs;
  }

  /** Only whoever was told a span's id belongs to it: a trace id is known to the client. */
  function find(traceId: string, parentId: string | undefined): LocalTrace | undefined {
    const local = openTraces.get(traceId);
    return local?.spans.some((span) => span.context.spanId === parentId) ? local : undefined;
  }

  return {
    join({ traceId, spanId }, parentId) {
      const found = find(traceId, parentId);
      if (found) return found;
      const local: LocalTrace = { root: spanId, spans: [], verdict: "open" };
      openTraces.set(traceId, local);
      const [oldest] = openTraces.size > maxOpen ? openTraces.keys() : [];
      if (oldest !== undefined) openTraces.delete(oldest);
      return local;
    },
    add(span) {
      const { local } = span;
      if (local?.verdict !== "open") return;
      if (local.spans.length < maxSpans) local.spans.push(span);
      else onDrop();
    },
    end(span) {
      const { local } = span;
      if (!local || local.verdict === "dropped") return;
      if (local.verdict === "kept") return keep(span);
      if (span.context.spanId !== local.root) return;
      const { traceId } = span.context;
      if (openTraces.get(traceId) === local) openTraces.delete(traceId);
      local.verdict = decide(span) ? "kept" : "dropped";
      if (local.verdict === "kept") {
        for (const each of local.spans) if (each.end !== undefined) keep(each);
      }
      local.spans = [];
    },
  };
}
