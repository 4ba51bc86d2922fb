import { useState } from "preact/hooks";
import { toDuration, toTick } from "../logic/format.ts";
import { hueOf } from "../logic/hues.ts";
import { type Extent, extentOf, type SpanRow, toSpanRows, toTicks } from "../logic/span_tree.ts";
import type { Span } from "../api_types.ts";
import { Icon } from "./icons.tsx";

export interface WaterfallProps {
  readonly spans: readonly Span[];
  readonly selected: string | undefined;
  readonly select: (spanId: string) => void;
  readonly rows: { current: HTMLTableSectionElement | null };
}

/** The spans of a trace as a tree beside their times. */
export function Waterfall({ spans, selected, select, rows }: WaterfallProps) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const extent = extentOf(spans);
  const ticks = toTicks(extent.durationMs);
  function fold(spanId: string, isFolded: boolean): void {
    const next = new Set(collapsed);
    if (isFolded) next.add(spanId);
    else next.delete(spanId);
    setCollapsed(next);
  }
  return (
    <table class="waterfall" role="treegrid" aria-label="Spans">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">Span</th>
          <th role="columnheader" scope="col" class="cell-line">
            <span class="unseen">Timeline</span>
            <Axis ticks={ticks} durationMs={extent.durationMs} />
          </th>
          <th role="columnheader" scope="col" class="cell-took">Duration</th>
        </tr>
      </thead>
      <tbody role="rowgroup" ref={rows}>
        {toSpanRows(spans, collapsed).map((row) => (
          <SpanLine
            key={row.span.spanId}
            row={row}
            extent={extent}
            ticks={ticks}
            isSelected={row.span.spanId === selected}
            isFolded={collapsed.has(row.span.spanId)}
            select={select}
            fold={fold}
          />
        ))}
      </tbody>
    </table>
  );
}

function Axis({ ticks, durationMs }: { ticks: readonly number[]; durationMs: number }) {
  return (
    <svg class="axis" width="100%" height="16" aria-hidden="true">
      {ticks.filter((tick) => tick < durationMs * 0.9).map((tick) => (
        <text key={tick} x={`${(tick / durationMs) * 100}%`} dx="3" y="12">{toTick(tick)}</text>
      ))}
    </svg>
  );
}

interface SpanLineProps {
  readonly row: SpanRow;
  readonly extent: Extent;
  readonly ticks: readonly number[];
  readonly isSelected: boolean;
  readonly isFolded: boolean;
  readonly select: (spanId: string) => void;
  readonly fold: (spanId: string, isFolded: boolean) => void;
}

function SpanLine(props: SpanLineProps) {
  const { row, isSelected, isFolded, select, fold } = props;
  const { span } = row;
  function onKeyDown(event: KeyboardEvent): void {
    const isFold = event.key === "ArrowLeft";
    if (row.children === 0 || (!isFold && event.key !== "ArrowRight")) return;
    event.preventDefault();
    fold(span.spanId, isFold);
  }
  return (
    <tr
      role="row"
      data-row
      class={isSelected ? "is-selected" : ""}
      tabIndex={isSelected ? 0 : -1}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isSelected}
      aria-expanded={row.children > 0 ? !isFolded : undefined}
      onFocus={() => select(span.spanId)}
      onKeyDown={onKeyDown}
    >
      <td role="gridcell" class="cell-span">
        <Indent level={row.level} />
        <Fold {...props} />
        <SpanName span={span} />
      </td>
      <td role="gridcell" class="cell-line">
        <Bar {...props} />
      </td>
      <td role="gridcell" class="cell-took">{toDuration(span.durationMs)}</td>
    </tr>
  );
}

function SpanName({ span }: { span: Span }) {
  return (
    <>
      <span class={`swatch ${hueOf(span.service)}`} />
      <span class="span-service" title={span.service}>{span.service}</span>
      <span class="span-name" title={span.name}>{titleOf(span)}</span>
      {span.status === "error" && (
        <span class="span-error">
          <Icon name="bad" />
          <span class="unseen">failed</span>
        </span>
      )}
    </>
  );
}

/** The title of a span; a call is named with its peer. */
export function titleOf({ name, kind, attributes }: Span): string {
  const peer = attributes["edgepass.peer"];
  if (kind === "client" && typeof peer === "string") return `${name} → ${peer}`;
  return name.replace(/^gateway\./, "");
}

function Indent({ level }: { level: number }) {
  return (
    <svg
      class="indent"
      width={(Math.min(level, 12) - 1) * 14}
      height="1"
      aria-hidden="true"
    />
  );
}

function Fold({ row, isFolded, fold }: SpanLineProps) {
  if (row.children === 0) return <span class="fold" />;
  return (
    <button
      type="button"
      class={`fold ${isFolded ? "" : "is-open"}`}
      tabIndex={-1}
      aria-label={isFolded ? "Open what it called" : "Close what it called"}
      onClick={() => fold(row.span.spanId, !isFolded)}
    >
      <Icon name="chevron" />
    </button>
  );
}

/** The position of a span in the trace; a share of less than half a percent would be invisible. */
function Bar({ row: { span }, extent, ticks }: SpanLineProps) {
  const percent = (ms: number) => (ms / extent.durationMs) * 100;
  const width = Math.max(percent(span.durationMs), 0.5);
  const x = Math.min(percent(span.start - extent.start), 100 - width);
  return (
    <svg class="bar" width="100%" aria-hidden="true">
      {ticks.map((tick) => (
        <line key={tick} x1={`${percent(tick)}%`} x2={`${percent(tick)}%`} y1="0" y2="100%" />
      ))}
      <rect
        class={span.status === "error" ? "is-error" : hueOf(span.service)}
        x={`${x}%`}
        width={`${width}%`}
        y="25%"
        height="50%"
        rx="2"
      />
    </svg>
  );
}
