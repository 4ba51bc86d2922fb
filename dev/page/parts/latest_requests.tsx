import { useApp } from "../data/app_context.ts";
import { toHash } from "../data/router.ts";
import { useLiveList } from "../data/use_live_list.ts";
import { toDuration, toShortId } from "../logic/format.ts";
import { passes, requestFilters } from "../logic/matches.ts";
import type { RequestRow } from "../api_types.ts";
import { Panel, Status, Time } from "./small.tsx";

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
    isStanding: false,
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
