import { useMemo, useRef } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useSeen } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { useLiveList } from "../data/use_live_list.ts";
import { useScrollLock } from "../data/use_list_place.ts";
import { toHash } from "../data/router.ts";
import { knownFilters, logFilters, passes } from "../logic/matches.ts";
import { type FilterField, Filters } from "../parts/filters.tsx";
import { ListState, Older } from "../parts/list_state.tsx";
import { LogLines } from "../parts/log_lines.tsx";
import { Empty, Failure, TryCurl } from "../parts/small.tsx";
import type { ViewProps } from "../views.ts";
import type { ShownLine } from "../api_types.ts";

const pageSize = "200";
const levels = ["error", ["warn,error", "warn and error"], "warn", "info", "debug"] as const;

/** Every log line of every process, live. */
export function Logs({ query }: ViewProps) {
  const { api, live } = useApp();
  const chosen = knownFilters(logFilters, query);
  // Of one trace every line is shown, whether the dashboard sent its request or not.
  const filters = { own: chosen.traceId ? "show" : "hide", ...chosen };
  const lines = useRef<HTMLOListElement>(null);
  const lock = useScrollLock(lines);
  const list = useLiveList<ShownLine>({
    view: "logs",
    name: JSON.stringify(filters),
    isLocked: lock.isLocked,
    load: (before, signal) => api.logs({ ...filters, limit: pageSize, before }, signal),
    listen: (arrived) => live.on("log", arrived),
    keyOf: keyOfLine,
    timeOf: ({ time }) => time,
    matches: (line) => passes(logFilters, filters, line),
  });
  useKeys({ ...rowKeys(lines), Escape: leaveLine });
  const { traceId } = chosen;
  return (
    <>
      <div class="view-head">
        <h1 tabIndex={-1}>Logs</h1>
        {traceId && <a href={toHash(`/requests/${traceId}`)}>Show this trace</a>}
        <ListState list={list} lock={lock} noun="line" />
      </div>
      <Filters label="Filter logs" path="/logs" fields={useFields(list.items)} values={chosen} />
      {list.error ? <Failure error={list.error} retry={list.retry} /> : null}
      {list.items.length > 0
        ? <LogLines lines={list.items} list={lines} keyOf={keyOfLine} label="Log lines" />
        : list.phase === "ready" && <NoLines isFiltered={Object.keys(chosen).length > 0} />}
      <Older list={list} noun="line" />
    </>
  );
}

function keyOfLine(line: ShownLine): string {
  return String(line.id ?? `${line.time} ${line.service} ${line.spanId} ${line.message}`);
}

function leaveLine(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

function NoLines({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No line matches.">
        <p>Clear a filter, or wait: new lines that match appear at once.</p>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing has been logged yet.">
      <p>Send a request and read its lines here:</p>
      <TryCurl path="/courses" />
    </Empty>
  );
}

function useFields(lines: readonly ShownLine[]): readonly FilterField[] {
  const services = useSeen(lines.map(({ service }) => service));
  return useMemo(() => [
    { name: "q", label: "Search", kind: "search", placeholder: "Message or field  ( / )" },
    { name: "level", label: "Level", kind: "select", options: levels },
    { name: "service", label: "Service", kind: "select", options: services },
    {
      name: "traceId",
      label: "Trace id",
      kind: "text",
      placeholder: "32 hex digits",
      pattern: /^[0-9a-f]{32}$/,
    },
    {
      name: "own",
      label: "Show lines of this page's requests",
      hint: "This page reads and changes the configuration through the gateway",
      kind: "check",
    },
  ], [services]);
}
