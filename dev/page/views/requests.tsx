import { useMemo, useRef } from "preact/hooks";
import { useApp } from "../data/app.ts";
import { useSeen } from "../data/hooks.ts";
import { rowKeys, useKeys } from "../data/keyboard.ts";
import { useReturn, useScrollLock } from "../data/use_list_place.ts";
import { useLiveList } from "../data/use_live_list.ts";
import { knownFilters, passes, requestFilters } from "../logic/matches.ts";
import { type FilterField, Filters } from "../parts/filters.tsx";
import { ListState, Older } from "../parts/list_state.tsx";
import { RequestsTable } from "../parts/requests_table.tsx";
import { Empty, Failure, TryCurl } from "../parts/small.tsx";
import type { ViewProps } from "../views.ts";
import type { RequestRow } from "../api_types.ts";

const pageSize = "100";
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const rare = { kind: "text", isRare: true } as const;
const own = {
  name: "own",
  label: "Show requests of this page",
  hint: "This page reads and changes the configuration through the gateway, as the administrator",
  kind: "check",
} as const;
const statuses = ["2xx", "3xx", "4xx", "5xx"];

/** Every request, live. */
export function Requests({ query }: ViewProps) {
  const { api, live } = useApp();
  const chosen = knownFilters(requestFilters, query);
  const filters = { own: "hide", ...chosen };
  const body = useRef<HTMLTableSectionElement>(null);
  const lock = useScrollLock(body);
  const list = useLiveList<RequestRow>({
    view: "requests",
    name: JSON.stringify(filters),
    isLocked: lock.isLocked,
    load: (before, signal) => api.requests({ ...filters, limit: pageSize, before }, signal),
    listen: (arrived) => live.on("request", arrived),
    keyOf: ({ traceId }) => traceId,
    timeOf: ({ time }) => time,
    matches: (row) => passes(requestFilters, filters, row),
  });
  useReturn(body);
  useKeys({ ...rowKeys(body), Escape: leaveRow });
  const isFiltered = Object.keys(chosen).length > 0;
  return (
    <>
      <div class="view-head">
        <h1 tabIndex={-1}>Requests</h1>
        <ListState list={list} lock={lock} noun="request" />
      </div>
      <Filters
        label="Filter requests"
        path="/requests"
        fields={useFields(list.items)}
        values={chosen}
      />
      {list.error ? <Failure error={list.error} retry={list.retry} /> : null}
      {list.items.length > 0
        ? <RequestsTable rows={list.items} body={body} isLoading={list.phase === "loading"} />
        : list.phase === "ready" && <NoRequests isFiltered={isFiltered} />}
      <Older list={list} noun="request" />
    </>
  );
}

function leaveRow(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

function NoRequests({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No request matches.">
        <p>Clear a filter, or wait: new requests that match appear at once.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No requests yet.">
      <p>Send one and it appears here:</p>
      <TryCurl path="/courses" />
    </Empty>
  );
}

/** The fields, with the values of the rows so far as options. */
function useFields(rows: readonly RequestRow[]): readonly FilterField[] {
  const exact = useSeen(rows.map(({ status }) => status === null ? null : String(status)));
  const services = useSeen(rows.flatMap((row) => row.services));
  const routes = useSeen(rows.map(({ route }) => route));
  const codes = useSeen(rows.map(({ code }) => code));
  const people = useSeen(rows.map(({ sub }) => sub));
  return useMemo(() => [
    { name: "q", label: "Search", kind: "search", placeholder: "Path or trace id  ( / )" },
    { name: "method", label: "Method", kind: "select", options: methods },
    { name: "status", label: "Status", kind: "select", options: [...statuses, ...exact] },
    { name: "service", label: "Service", kind: "select", options: services },
    {
      name: "minMs",
      label: "At least, ms",
      kind: "number",
      placeholder: "any",
      pattern: /^\d{1,9}(\.\d{1,6})?$/,
      isRare: true,
    },
    { ...rare, name: "route", label: "Route", placeholder: "/courses/{id}", options: routes },
    { ...rare, name: "code", label: "Code", placeholder: "token_expired", options: codes },
    { ...rare, name: "sub", label: "Person", placeholder: "user:…", options: people },
    own,
  ], [exact, services, routes, codes, people]);
}
