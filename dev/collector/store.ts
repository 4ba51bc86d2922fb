import { readNumber } from "./rows.ts";
import type { Database } from "./database.ts";
import type { LogLine, StoredLogLine } from "./api.ts";
import { toHop } from "./map.ts";
import { openTrace, recordFacts, saveTrace, type Trace, verifySpan } from "./traces.ts";
import { readLineFacts, readSpanFacts, type TracedSpan } from "./request_facts.ts";

/** How much is stored; the oldest is deleted first. */
export interface StoreLimits {
  readonly maxRequests: number;
  /** Traces that did not pass the gateway: scheduled maintenance, and direct calls of services. */
  readonly maxOthers: number;
  readonly maxSpans: number;
  readonly maxLines: number;
}

const defaultLimits: StoreLimits = {
  maxRequests: 20_000,
  maxOthers: 2_000,
  maxSpans: 400_000,
  maxLines: 200_000,
};

/** The share of a limit that is freed at once, so that it is not done for every batch. */
const step = 0.025;

export interface StoreCounts {
  readonly requests: number;
  readonly logs: number;
}

/** Stores spans and log lines by their trace, within limits. */
export interface Store {
  write(batch: Batch): Written;
  counts(): StoreCounts;
}

/** Stores what arrives in a database that no other process writes. */
export function createStore(db: Database, limits: Partial<StoreLimits> = {}): Store {
  const max = { ...defaultLimits, ...limits };
  const counts = countAll(db);

  function dropTraces(isRequest: 0 | 1, count: number): void {
    const ids = db.all(
      "SELECT id FROM requests WHERE is_request = ? ORDER BY time, id LIMIT ?",
      isRequest,
      count,
    ).map((row) => readNumber(row, "id"));
    const list = JSON.stringify(ids);
    const among = "IN (SELECT value FROM json_each(?))";
    db.atomically(() => {
      counts.spans -= db.run(`DELETE FROM spans WHERE request ${among}`, list);
      counts.lines -= db.run(`DELETE FROM lines WHERE request ${among}`, list);
      db.run(`DELETE FROM requests WHERE id ${among}`, list);
    });
    counts[isRequest === 1 ? "requests" : "others"] -= ids.length;
  }

  function prune(): void {
    const { maxRequests, maxOthers, maxSpans, maxLines } = max;
    if (counts.requests > maxRequests) dropTraces(1, counts.requests - remaining(maxRequests));
    if (counts.others > maxOthers) dropTraces(0, counts.others - remaining(maxOthers));
    if (counts.lines > maxLines) {
      counts.lines -= db.run(
        "DELETE FROM lines WHERE id IN (SELECT id FROM lines ORDER BY id LIMIT ?)",
        counts.lines - remaining(maxLines),
      );
    }
    while (counts.spans > maxSpans) {
      dropTraces(counts.requests > 0 ? 1 : 0, Math.max(1, Math.ceil(maxRequests * step)));
      if (counts.requests + counts.others === 0) return;
    }
  }

  return {
    write(batch) {
      const written = writeBatch(db, batch);
      counts.requests += written.added.requests;
      counts.others += written.added.others;
      counts.spans += written.added.spans;
      counts.lines += written.lines.length;
      prune();
      return written;
    },
    counts: () => ({ requests: counts.requests, logs: counts.lines }),
  };
}

/** How much of a passed limit remains. */
function remaining(limit: number): number {
  return Math.floor(limit * (1 - step));
}

function countAll(db: Database) {
  const count = (from: string) =>
    readNumber(db.get(`SELECT count(*) AS count FROM ${from}`) ?? {}, "count");
  return {
    requests: count("requests WHERE is_request = 1"),
    others: count("requests WHERE is_request = 0"),
    spans: count("spans"),
    lines: count("lines"),
  };
}

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
