import type { LogLine, StoredLogLine } from "./api.ts";
import { readNumber } from "./cells.ts";
import type { Database } from "./database.ts";
import { toHop } from "./hop.ts";
import { verifySpan } from "./identity.ts";
import { readLineFacts, readSpanFacts, type TracedSpan } from "./request_facts.ts";
import { openTrace, recordFacts, saveTrace, type Trace } from "./traces.ts";

/** What arrives together and is written together. */
export interface Batch {
  readonly spans?: readonly TracedSpan[];
  readonly lines?: readonly LogLine[];
}

/** What a batch has changed. */
export interface Written {
  /** Traces with a new span or line, in the order they came. */
  readonly traceIds: readonly string[];
  readonly lines: readonly StoredLogLine[];
  readonly added: { readonly requests: number; readonly others: number; readonly spans: number };
}

/** A trace that never ends, as when a client always sends the same one, is cut here. */
const maxSpansOfTrace = 1_000;

const maxMessage = 8_192;
const maxFields = 32_768;

/** Writes a batch completely or not at all. A span that is there already is not written again. */
export function writeBatch(db: Database, { spans = [], lines = [] }: Batch): Written {
  return db.atomically(() => {
    const traces = new Map<string, Trace>();
    const touch = (traceId: string, time: number): Trace => {
      const trace = traces.get(traceId) ?? openTrace(db, traceId, time);
      traces.set(traceId, trace);
      return trace;
    };
    let addedSpans = 0;
    // A program exports the spans that ended first, first; services are noted in the order they
    // began.
    for (const span of spans.toSorted((a, b) => a.start - b.start)) {
      if (addSpan(db, touch(span.traceId, span.start), span)) addedSpans++;
    }
    const stored = lines.map((line) => {
      const trace = line.traceId === null ? undefined : touch(line.traceId, line.time);
      return addLine(db, trace, line);
    });
    for (const trace of traces.values()) saveTrace(db, trace);
    const all = [...traces.values()];
    return {
      traceIds: [...traces.keys()],
      lines: stored,
      added: {
        requests: all.filter(({ facts, wasRequest }) => facts && !wasRequest).length,
        others: all.filter(({ facts, isNew }) => !facts && isNew).length -
          all.filter(({ facts, isNew, wasRequest }) => facts && !isNew && !wasRequest).length,
        spans: addedSpans,
      },
    };
  });
}

function addSpan(db: Database, trace: Trace, span: TracedSpan): boolean {
  if (trace.spans >= maxSpansOfTrace) return false;
  const hop = toHop(span);
  const added = db.run(
    `INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    trace.id,
    span.spanId,
    span.parentId,
    span.name,
    span.kind,
    span.service,
    span.start,
    span.durationMs,
    span.status,
    JSON.stringify(span.attributes),
    JSON.stringify(span.events),
    JSON.stringify(span.links),
    hop?.source ?? null,
    hop?.target ?? null,
    hop?.hasFailed ? 1 : 0,
  );
  if (added === 0) return false;
  trace.spans++;
  // It may carry the subject of the request, and come after the request's span.
  if (span.name === verifySpan) trace.hasChanged = true;
  recordFacts(trace, span.service, readSpanFacts(span));
  return true;
}

function addLine(db: Database, trace: Trace | undefined, line: LogLine): StoredLogLine {
  const message = line.message.slice(0, maxMessage);
  const json = JSON.stringify(line.fields);
  const isTooLong = json.length > maxFields;
  const fields = isTooLong ? { cut: `${json.length} characters of fields` } : line.fields;
  const made = db.get(
    `INSERT INTO lines (time, level, service, request, span_id, message, fields, said)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    line.time,
    line.level,
    line.service,
    trace?.id ?? null,
    line.spanId,
    message,
    isTooLong ? JSON.stringify(fields) : json,
    [message, ...listValues(fields)].join("\n").toLowerCase(),
  );
  if (trace) recordFacts(trace, line.service, readLineFacts(line));
  return { ...line, message, fields, id: readNumber(made ?? {}, "id") };
}

/** Every value of fields, however deep; searches do not cover their names. */
function listValues(value: unknown): string[] {
  return typeof value === "object" && value !== null
    ? Object.values(value).flatMap(listValues)
    : [String(value)];
}
