import { useState } from "preact/hooks";
import { hueOf, toDuration, toText, toTick } from "../logic/format.ts";
import { type Extent, extentOf, type SpanRow, toSpanRows, toTicks } from "../logic/span_tree.ts";
import type { Attributes, ShownLine, Span } from "../api_types.ts";
import { Icon, Service } from "./small.tsx";
import { toHash } from "../data/router.ts";
import { keyOfIndex, LogLines } from "./log_lines.tsx";

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

export interface SpanDetailsProps {
  readonly span: Span;
  /** When its trace began, epoch milliseconds. */
  readonly start: number;
  readonly lines: readonly ShownLine[];
}

/** The details of one span, and its log lines. */
export function SpanDetails({ span, start, lines }: SpanDetailsProps) {
  return (
    <div class="span-details">
      <p class="span-title">
        <Service name={span.service} />
        <strong>{titleOf(span)}</strong>
      </p>
      <p class="muted">
        {span.kind}, {span.status === "error" ? "failed" : "ok"} · starts at{" "}
        +{toDuration(Math.max(span.start - start, 0))} · takes {toDuration(span.durationMs)}
      </p>
      <Pairs values={span.attributes} />
      {span.events.map((event) => (
        <div key={`${event.time} ${event.name}`}>
          <h3>{event.name} at +{toDuration(Math.max(event.time - start, 0))}</h3>
          <Pairs values={event.attributes} />
        </div>
      ))}
      {span.links.map(({ traceId }) => (
        <p key={traceId}>
          Linked to the trace <a href={toHash(`/requests/${traceId}`)}>{traceId}</a>
        </p>
      ))}
      <h3>Logged here</h3>
      {lines.length > 0
        ? <LogLines lines={lines} keyOf={keyOfIndex} label="Lines of this span" start={start} />
        : <p class="muted">Nothing.</p>}
    </div>
  );
}

/** Names and values, by name. */
export function Pairs({ values }: { values: Attributes }) {
  const pairs = Object.entries(values).toSorted(([a], [b]) => a < b ? -1 : 1);
  if (pairs.length === 0) return null;
  return (
    <dl class="pairs">
      {pairs.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{toText(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/**
 * The lines of a span. A line without a span belongs to the one in which its service was called.
 */
export function linesOf(span: Span, lines: readonly ShownLine[]): readonly ShownLine[] {
  return lines.filter(({ spanId, service }) =>
    spanId === span.spanId ||
    (spanId === null && span.kind === "server" && service === span.service)
  );
}
