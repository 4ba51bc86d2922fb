import type { Attributes, LogLine, RequestDetail, Span, SpanEvent, SpanLink } from "./api.ts";
import { readNumber, readOptionalText, readStored, readText } from "./rows.ts";
import type { Database, Row } from "./database.ts";
import type { OutboxFile } from "./event_sources.ts";
import { findRequest, toStoredLine } from "./lists.ts";
import { readTrails } from "./event_trails.ts";

/** Lines of one trace that are shown; a trace that never ends has more. */
const maxLines = 1_000;

/** Everything that is stored of a trace; undefined for an unknown one. */
export function readDetail(
  db: Database,
  traceId: string,
  outboxes: readonly OutboxFile[] = [],
): RequestDetail | undefined {
  const trace = db.get("SELECT id FROM requests WHERE trace_id = ?", traceId);
  if (!trace) return undefined;
  const id = readNumber(trace, "id");
  const spans = db.all("SELECT * FROM spans WHERE request = ? ORDER BY start, span_id", id)
    .map(toSpan);
  return {
    request: findRequest(db, traceId) ?? null,
    spans,
    logs: readLines(db, id),
    passport: readPassport(spans),
    verdicts: spans.flatMap(readVerdict),
    events: readTrails(db, { traceId, spans, outboxes }),
  };
}

/** Trace ids that begin with `prefix`, at most `limit`. */
export function findTraceIds(db: Database, prefix: string, limit: number): string[] {
  return db.all(
    "SELECT trace_id FROM requests WHERE trace_id >= ? AND trace_id < ? ORDER BY trace_id LIMIT ?",
    prefix,
    // The letter after the last hex digit.
    `${prefix}g`,
    limit,
  ).map((row) => readText(row, "trace_id"));
}

function readLines(db: Database, request: number): LogLine[] {
  return db.all(
    `SELECT l.*, r.trace_id FROM lines l JOIN requests r ON r.id = l.request
     WHERE l.request = ? ORDER BY l.time, l.id LIMIT ?`,
    request,
    maxLines,
  ).map((row) => {
    const { id: _id, ...line } = toStoredLine(row);
    return line;
  });
}

function toSpan(row: Row): Span {
  return {
    spanId: readText(row, "span_id"),
    parentId: readOptionalText(row, "parent_id"),
    name: readText(row, "name"),
    kind: readKind(readText(row, "kind")),
    service: readText(row, "service"),
    start: readNumber(row, "start"),
    durationMs: readNumber(row, "duration_ms"),
    status: readStatus(readText(row, "status")),
    attributes: readStored<Attributes>(readText(row, "attributes")),
    events: readStored<SpanEvent[]>(readText(row, "events")),
    links: readStored<SpanLink[]>(readText(row, "links")),
  };
}

function readKind(text: string): Span["kind"] {
  const kinds = ["internal", "server", "client", "producer", "consumer"] as const;
  return kinds.find((kind) => kind === text) ?? "internal";
}

function readStatus(text: string): Span["status"] {
  const statuses = ["ok", "error", "unset"] as const;
  return statuses.find((status) => status === text) ?? "unset";
}

const passportPrefix = "edgepass.passport.";

/**
 * The Passport of the request, from the span that signed it.
 *
 * A gateway may sign one for itself in the same trace, to request a rebuild of the revocation list:
 * it signs under no request's span and comes after.
 */
function readPassport(spans: readonly Span[]): RequestDetail["passport"] {
  const requests = new Set(
    spans.filter(({ kind, service }) => kind === "server" && service === "gateway")
      .map(({ spanId }) => spanId),
  );
  const signing = spans.filter(({ attributes }) =>
    typeof attributes[`${passportPrefix}kid`] === "string"
  );
  const span = signing.findLast(({ parentId }) => parentId !== null && requests.has(parentId)) ??
    signing[0];
  if (!span) return null;
  const claims = Object.entries(span.attributes)
    .filter(([name]) => name.startsWith(passportPrefix))
    .map(([name, value]) => [name.slice(passportPrefix.length), value] as const);
  const { kid, ...rest } = Object.fromEntries(claims);
  return { kid: String(kid), claims: rest };
}

function readVerdict({ kind, service, start, attributes }: Span): RequestDetail["verdicts"] {
  const verdict = attributes["edgepass.passport.verdict"];
  return kind === "server" && typeof verdict === "string"
    ? [{ service, verdict, time: start }]
    : [];
}
