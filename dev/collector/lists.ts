import type { Page, RequestRow, StoredLogLine } from "./api.ts";
import {
  likePattern,
  readNumber,
  readOptionalText,
  readStored,
  readSummary,
  readText,
} from "./rows.ts";
import type { Database, Param, Row } from "./database.ts";
import { notOwn } from "./own_traces.ts";
import { readServices } from "./traces.ts";

/** The filters of a list of requests; one that is not given filters nothing. */
export interface RequestFilter {
  readonly limit: number;
  /** Where the page before ended. */
  readonly before?: RequestCursor | undefined;
  readonly method?: string | undefined;
  readonly route?: string | undefined;
  readonly status?: { readonly from: number; readonly to: number } | undefined;
  readonly code?: string | undefined;
  readonly sub?: string | undefined;
  /** Touched by the trace. */
  readonly service?: string | undefined;
  readonly minMs?: number | undefined;
  /** Part of the path or of the trace id. */
  readonly q?: string | undefined;
  /** Whether requests that the dashboard itself sent are left out. */
  readonly own?: "hide" | "show" | undefined;
}

/** A position in the list: the row distinguishes requests of the same instant. */
export interface RequestCursor {
  readonly time: number;
  readonly id: number;
}

const columns = `r.*,
  (SELECT count(*) FROM spans WHERE request = r.id) AS spans,
  (SELECT count(*) FROM lines WHERE request = r.id) AS logs,
  (SELECT count(*) FROM lines WHERE request = r.id AND level = 'error') AS error_logs`;

/** A page of the requests, newest first. */
export function listRequests(db: Database, filter: RequestFilter): Page<RequestRow> {
  const { where, params } = toConditions(filter);
  const rows = db.all(
    `SELECT ${columns}, NOT ${notOwn} AS is_own FROM requests r WHERE ${where}
     ORDER BY r.is_request DESC, r.time DESC, r.id DESC LIMIT ?`,
    ...params,
    filter.limit + 1,
  );
  const shown = rows.slice(0, filter.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toRequestRow),
    next: rows.length > shown.length && last ? toCursor(last) : null,
  };
}

/** One request by its trace; undefined for a trace that did not pass the gateway. */
export function findRequest(db: Database, traceId: string): RequestRow | undefined {
  const row = db.get(
    `SELECT ${columns} FROM requests r WHERE r.is_request = 1 AND r.trace_id = ?`,
    traceId,
  );
  return row && toRequestRow(row);
}

/** Reads a cursor of an earlier page; undefined for any other text. */
export function readCursor(text: string): RequestCursor | undefined {
  const [, time, id] = /^(\d{1,14}(?:\.\d{1,12})?)_(\d{1,15})$/.exec(text) ?? [];
  return time === undefined ? undefined : { time: Number(time), id: Number(id) };
}

function toCursor(row: Row): string {
  return `${readNumber(row, "time")}_${readNumber(row, "id")}`;
}

function toConditions(filter: RequestFilter): Conditions {
  const { before, method, route, status, code, sub, service, minMs, q, own } = filter;
  const all: Condition[] = [
    ["r.is_request = 1", []],
    before && ["(r.time, r.id) < (?, ?)", [before.time, before.id]],
    method === undefined ? undefined : ["r.method = ?", [method]],
    route === undefined ? undefined : ["r.route = ?", [route]],
    status && ["r.status BETWEEN ? AND ?", [status.from, status.to]],
    code === undefined ? undefined : ["r.code = ?", [code]],
    sub === undefined ? undefined : ["r.sub = ?", [sub]],
    service === undefined ? undefined : ["instr(r.services, ?) > 0", [`,${service},`]],
    minMs === undefined ? undefined : ["r.duration_ms >= ?", [minMs]],
    q === undefined ? undefined : [
      "(r.path LIKE ? ESCAPE '\\' OR r.trace_id LIKE ? ESCAPE '\\')",
      [likePattern(q), likePattern(q)],
    ],
    own === "hide" ? [notOwn, []] : undefined,
  ];
  return joinConditions(all);
}

function toRequestRow(row: Row): RequestRow {
  return {
    traceId: readText(row, "trace_id"),
    ...readSummary(row),
    services: readServices(row),
    spans: readNumber(row, "spans"),
    logs: readNumber(row, "logs"),
    errorLogs: readNumber(row, "error_logs"),
    ...(row.is_own === 1 ? { isOwn: true } : {}),
  };
}

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
  const { where, params } = toLineConditions(filter);
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

function toLineConditions(filter: LineFilter): Conditions {
  const { before, levels, services, traceId, q, own } = filter;
  const all: Condition[] = [
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
  return joinConditions(all);
}

/** A condition with its values; undefined where its filter is not given. */
type Condition = readonly [condition: string, params: readonly Param[]] | undefined;
interface Conditions {
  readonly where: string;
  readonly params: readonly Param[];
}

function joinConditions(all: readonly Condition[]): Conditions {
  const present = all.filter((one) => one !== undefined);
  return {
    where: present.map(([condition]) => condition).join(" AND ") || "TRUE",
    params: present.flatMap(([, params]) => params),
  };
}
