import { toHash } from "../data/router.ts";
import { toDuration, toText } from "../logic/format.ts";
import type { Attributes, ShownLine, Span } from "../api_types.ts";
import { keyOfIndex, LogLines } from "./log_lines.tsx";
import { Service } from "./small.tsx";
import { titleOf } from "./waterfall.tsx";

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
