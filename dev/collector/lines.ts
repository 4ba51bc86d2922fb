import type { Page, StoredLogLine } from "./api.ts";
import { readNumber, readOptionalText, readStored, readText } from "./cells.ts";
import type { Database, Param, Row } from "./database.ts";
import { likePattern } from "./like.ts";
import { notOwn } from "./own_traces.ts";

/** The filters of a list of log lines; one that is not given filters nothing. */
export interface LineFilter {
  readonly limit: number;
  /** Only lines with a smaller id. */
  readonly before?: number | undefined;
  readonly levels?: readonly string[] | undefined;
  readonly services?: readonly string[] | undefined;
  readonly traceId?: string | undefined;
  /** Part of the message or of a field's value, in any case. */
  readonly q?: string | undefined;
  /** Whether lines of requests that the dashboard itself sent are left out. */
  readonly own?: "hide" | "show" | undefined;
}

/** A page of the log, newest first. */
export function searchLines(db: Database, filter: LineFilter): Page<StoredLogLine> {
  const { where, params } = toConditions(filter);
  const rows = db.all(
    `SELECT l.*, r.trace_id, NOT ${notOwn} AS is_own FROM lines l LEFT JOIN requests r ON r.id = l.request
     WHERE ${where} ORDER BY l.id DESC LIMIT ?`,
    ...params,
    filter.limit + 1,
  );
  const items = rows.slice(0, filter.limit).map(toStoredLine);
  return { items, next: rows.length > items.length ? String(items.at(-1)?.id) : null };
}

/** The last lines of the log, the newest last. */
export function readLastLines(db: Database, count: number): StoredLogLine[] {
  return [...searchLines(db, { limit: count }).items].reverse();
}

/** A line as it is stored. */
export function toStoredLine(row: Row): StoredLogLine {
  return {
    id: readNumber(row, "id"),
    time: readNumber(row, "time"),
    level: readText(row, "level"),
    service: readText(row, "service"),
    traceId: readOptionalText(row, "trace_id"),
    spanId: readOptionalText(row, "span_id"),
    message: readText(row, "message"),
    fields: readStored<Record<string, unknown>>(readText(row, "fields")),
    ...(row.is_own === 1 ? { isOwn: true } : {}),
  };
}

function toConditions(filter: LineFilter): { where: string; params: Param[] } {
  const { before, levels, services, traceId, q, own } = filter;
  const all: (readonly [condition: string, params: readonly Param[]] | undefined)[] = [
    before === undefined ? undefined : ["l.id < ?", [before]],
    levels && ["l.level IN (SELECT value FROM json_each(?))", [JSON.stringify(levels)]],
    services && ["l.service IN (SELECT value FROM json_each(?))", [JSON.stringify(services)]],
    traceId === undefined ? undefined : [
      "l.request = (SELECT id FROM requests WHERE trace_id = ?)",
      [traceId],
    ],
    q === undefined ? undefined : ["l.said LIKE ? ESCAPE '\\'", [likePattern(q.toLowerCase())]],
    own === "hide" ? [notOwn, []] : undefined,
  ];
  const present = all.filter((one) => one !== undefined);
  return {
    where: present.map(([condition]) => condition).join(" AND ") || "TRUE",
    params: present.flatMap(([, params]) => [...params]),
  };
}
