import type { Span } from "../api_types.ts";

/** A span at its position in its trace. */
export interface SpanRow {
  readonly span: Span;
  /** 1 for a span without a caller in the trace. */
  readonly level: number;
  readonly children: number;
  /** Its position among its siblings, from 1, and their number. */
  readonly position: number;
  readonly siblings: number;
}

/** The time that a trace took, from its first start to its last end. */
export interface Extent {
  readonly start: number;
  readonly durationMs: number;
}

/**
 * Spans in reading order: callers before those they call, siblings by start. A span whose caller is
 * missing is at the top, and so is one of a circle.
 */
export function toSpanRows(
  spans: readonly Span[],
  collapsed: ReadonlySet<string> = new Set(),
): SpanRow[] {
  const presentIds = new Set(spans.map(({ spanId }) => spanId));
  const byCaller = Map.groupBy(
    spans.toSorted((a, b) => a.start - b.start),
    ({ parentId }) => parentId !== null && presentIds.has(parentId) ? parentId : "",
  );
  const rows: SpanRow[] = [];
  const seen = new Set<string>();
  function walk(siblings: readonly Span[], level: number): void {
    siblings.forEach((span, at) => {
      if (seen.has(span.spanId)) return;
      seen.add(span.spanId);
      const called = byCaller.get(span.spanId) ?? [];
      const position = at + 1;
      rows.push({ span, level, children: called.length, position, siblings: siblings.length });
      if (!collapsed.has(span.spanId)) walk(called, level + 1);
      else called.forEach(hide);
    });
  }
  function hide(span: Span): void {
    if (seen.has(span.spanId)) return;
    seen.add(span.spanId);
    byCaller.get(span.spanId)?.forEach(hide);
  }
  walk(byCaller.get("") ?? [], 1);
  walk(spans.filter(({ spanId }) => !seen.has(spanId)), 1);
  return rows;
}

/** From the first start to the last end; at least a tenth of a millisecond, to divide by. */
export function extentOf(spans: readonly Span[]): Extent {
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(...spans.map((span) => span.start + span.durationMs));
  return { start, durationMs: Math.max(end - start, 0.1) };
}

/** Round times for grid lines, at most five, the first one 0. */
export function toTicks(durationMs: number): number[] {
  const rough = durationMs / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((one) => one >= rough) ?? rough;
  const count = Math.floor(durationMs / step) + 1;
  return Array.from({ length: count }, (_, at) => at * step);
}
