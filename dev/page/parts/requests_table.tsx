import { useMemo, useState } from "preact/hooks";
import { toHash } from "../data/router.ts";
import { toDuration, toPlural, toShortId } from "../logic/format.ts";
import type { RequestRow } from "../api_types.ts";
import { Panel, Person, Service, Status, Time } from "./small.tsx";
import { useApp } from "../data/app.ts";
import { useLiveList } from "../data/use_live_list.ts";
import { passes, requestFilters } from "../logic/matches.ts";

export interface RequestsTableProps {
  readonly rows: readonly RequestRow[];
  readonly body: { readonly current: HTMLTableSectionElement | null };
  readonly isLoading: boolean;
}

const columns = ["Time", "Method", "Path", "Status", "Duration", "Person", "Services", "Log"];

/**
 * Requests, the newest first. Its rows are grids, not table rows, so that they can fold on narrow
 * screens and stay undrawn while they are out of sight; hence the roles.
 */
export function RequestsTable({ rows, body, isLoading }: RequestsTableProps) {
  const [stop, setStop] = useState<string>();
  const hasStop = rows.some(({ traceId }) => traceId === stop);
  return (
    <table class="rows requests" role="table" aria-label="Requests" aria-busy={isLoading}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((name) => (
            <th key={name} role="columnheader" scope="col" class={`cell-${name.toLowerCase()}`}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body}>
        {rows.map((row, at) => (
          <RequestLine
            key={row.traceId}
            row={row}
            isStop={hasStop ? row.traceId === stop : at === 0}
            onFocus={setStop}
          />
        ))}
      </tbody>
    </table>
  );
}

interface RequestLineProps {
  readonly row: RequestRow;
  /** Whether the Tab key stops here; the arrows go to the others. */
  readonly isStop: boolean;
  readonly onFocus: (traceId: string) => void;
}

/** The same row is the same tree, which is not rendered again. */
function RequestLine({ row, isStop, onFocus }: RequestLineProps) {
  return useMemo(
    () => (
      <tr role="row" class={row.status !== null && row.status >= 500 ? "is-failed" : ""}>
        <td role="cell" class="cell-time">
          <Time at={row.time} />
        </td>
        <td role="cell" class="cell-method">{row.method}</td>
        <td role="cell" class="cell-path">
          <a
            data-row
            data-trace={row.traceId}
            tabIndex={isStop ? 0 : -1}
            href={toHash(`/requests/${row.traceId}`)}
            title={row.path ?? ""}
            onFocus={() => onFocus(row.traceId)}
          >
            {toShortId(row.path ?? "(no path)")}
          </a>
        </td>
        <td role="cell" class="cell-status">
          <Status status={row.status} code={row.code} />
        </td>
        <td role="cell" class="cell-duration">
          <Duration ms={row.durationMs} />
        </td>
        <td role="cell" class="cell-person">
          <Person sub={row.sub} />
        </td>
        <td role="cell" class="cell-services" title={row.services.filter(isBehind).join(", ")}>
          {row.services.filter(isBehind).map((name) => <Service key={name} name={name} />)}
        </td>
        <td role="cell" class="cell-log">
          <Lines row={row} />
        </td>
      </tr>
    ),
    [row, isStop],
  );
}

/** Every request passes the gateway, so it need not be named. */
function isBehind(service: string): boolean {
  return service !== "gateway";
}

/** A duration, with a bar whose length is its logarithm: empty at 1 ms, full at 10 s. */
export function Duration({ ms }: { ms: number | null }) {
  if (ms === null) return <span class="muted">…</span>;
  const share = Math.min(Math.max(Math.log10(Math.max(ms, 1)) / 4, 0.02), 1);
  return (
    <span class="duration">
      {toDuration(ms)}
      <svg class="duration-bar" width="32" height="4" aria-hidden="true">
        <rect class="duration-rest" width="32" height="4" rx="2" />
        <rect class="duration-part" width={32 * share} height="4" rx="2" />
      </svg>
    </span>
  );
}

function Lines({ row: { logs, errorLogs } }: { row: RequestRow }) {
  if (errorLogs > 0) return <span class="log-errors">{toPlural(errorLogs, "error")}</span>;
  return <span class="muted">{logs === 0 ? "–" : toPlural(logs, "line")}</span>;
}

/** The last few requests, of all or of one class of status. */
export function LatestRequests(
  { title, count, status = "" }: { title: string; count: number; status?: string },
) {
  const { api, live } = useApp();
  const chosen: Readonly<Record<string, string>> = status ? { status } : {};
  const filters = { own: "hide", ...chosen };
  const list = useLiveList<RequestRow>({
    view: title,
    name: status,
    isLocked: false,
    load: (_, signal) => api.requests({ ...filters, limit: String(count) }, signal),
    listen: (arrived) => live.on("request", arrived),
    keyOf: ({ traceId }) => traceId,
    timeOf: ({ time }) => time,
    matches: (row) => passes(requestFilters, filters, row),
  });
  const link = <a href={toHash("/requests", chosen)}>Show all</a>;
  return (
    <Panel title={title} class="overview-list" aside={link}>
      {list.items.length === 0 && list.phase === "ready" && (
        <p class="muted">{status ? "None." : "None yet."}</p>
      )}
      <ul class="latest">
        {list.items.slice(0, count).map((row) => (
          <li key={row.traceId}>
            <Time at={row.time} />
            <a href={toHash(`/requests/${row.traceId}`)} title={row.path ?? ""}>
              <span class="method">{row.method}</span> {toShortId(row.path ?? "(no path)")}
            </a>
            <Status status={row.status} code={row.code} />
            <span class="latest-took">
              {row.durationMs === null ? "…" : toDuration(row.durationMs)}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
