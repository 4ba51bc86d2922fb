import { type SpanContext, SpanStatusCode } from "@opentelemetry/api";
import { createBoundedMap } from "../isolate.ts";
import type { LocalTrace, SpanRecord } from "./span.ts";

/** Dependencies of tail sampling. */
export interface TailOptions {
  /** A local root that lasts longer is exported with its spans. */
  readonly slowMs: number;
  /** Receives each exported span, ended. */
  readonly keep: (span: SpanRecord) => void;
  /** Called for every span that was dropped at a limit. */
  readonly onDrop: () => void;
}

/** Samples spans when the first of them in this isolate, their local root, has ended. */
export interface Tail {
  /** The group of the parent, if that is a span of this isolate; else a new group for this span. */
  join(own: SpanContext, parentId: string | undefined): LocalTrace;
  /** Adds a new span to its group. */
  add(span: SpanRecord): void;
  /** Decides if the span is its group's root; spans that end later follow the decision. */
  end(span: SpanRecord): void;
}

const maxSpans = 512;
const maxOpen = 1000;

/**
 * Exports a local trace if it is sampled, if its root failed or if it was slow.
 *
 * The root of a request that is cut off may never end: beyond 1000 open groups the oldest is no
 * longer found by services in the same isolate, and is left to the garbage collector.
 */
export function createTail({ slowMs, keep, onDrop }: TailOptions): Tail {
  const openTraces = createBoundedMap<string, LocalTrace>(maxOpen);

  function decide(root: SpanRecord): boolean {
    return (root.context.traceFlags & 1) === 1 ||
      root.status.code === SpanStatusCode.ERROR ||
      (root.end ?? root.start) - root.start > slowMs;
  }

  /**
   * A parent is found by its span id, not by the trace id alone: clients know the trace id, and
   * could attach their spans to another request's group.
   */
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
