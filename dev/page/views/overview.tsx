import { useEffect } from "preact/hooks";
import { useApp } from "../data/app.ts";
import {
  type Loadable,
  useHealth,
  useInterval,
  useNow,
  useResponse,
  useStatus,
  useThrottled,
} from "../data/hooks.ts";
import { toHash } from "../data/router.ts";
import { toCount, toDuration, toRate, toShare } from "../logic/format.ts";
import { PartsList, toSummary } from "../parts/health_parts.tsx";
import { LatestRequests } from "../parts/requests_table.tsx";
import { ServiceMap, severityOf } from "../parts/service_map.tsx";
import { Empty, Failure, Panel, TryCurl } from "../parts/small.tsx";
import type { ViewProps } from "../views.ts";
import type { ServiceMap as Map, Traffic } from "../api_types.ts";

const windows = [["60", "1 min"], ["300", "5 min"], ["900", "15 min"]] as const;
const reloadMs = 1000;
/** The window moves on while nothing happens. */
const driftMs = 5000;

/** Everything at a glance. */
export function Overview({ query }: ViewProps) {
  const [chosen] = windows.find(([seconds]) => seconds === query.window) ?? windows[0];
  const windowSeconds = Number(chosen);
  const { map, stored } = useTraffic(windowSeconds);
  const health = useHealth();
  return (
    <>
      <div class="view-head">
        <h1 tabIndex={-1}>Overview</h1>
        <WindowChoice chosen={chosen} />
      </div>
      {map.error ? <Failure error={map.error} retry={map.reload} /> : null}
      {map.value && <Totals map={map.value} windowSeconds={windowSeconds} stored={stored} />}
      <div class="overview">
        <Panel title="Traffic" class="overview-map">
          {map.value && (
            <>
              <ServiceMap
                map={map.value}
                windowSeconds={windowSeconds}
                parts={health.value?.parts ?? []}
              />
              <Quiet map={map.value} />
            </>
          )}
        </Panel>
        <HealthSummary health={health.value} error={health.error} />
        <LatestRequests title="Latest requests" count={8} />
        <LatestRequests title="Latest failures" count={8} status="5xx" />
      </div>
    </>
  );
}

/** The map and the number of stored requests, loaded again while events arrive, and else rarely. */
function useTraffic(windowSeconds: number): { map: Loadable<Map>; stored: number | undefined } {
  const { api, live } = useApp();
  const { connection } = useStatus();
  const map = useResponse((signal) => api.map(windowSeconds, signal), [windowSeconds]);
  const state = useResponse(api.state, []);
  const renew = useThrottled(map.reload, reloadMs);
  useInterval(() => {
    renew();
    state.reload();
  }, connection === "live" ? driftMs : undefined);
  useEffect(() => {
    const stops = [live.on("request", renew), live.on("metrics", renew)];
    return () => stops.forEach((stop) => stop());
  }, []);
  return { map, stored: state.value?.counts.requests };
}

function HealthSummary({ health, error }: {
  health: { readonly parts: Parameters<typeof toSummary>[0] } | undefined;
  error: string | undefined;
}) {
  const now = useNow(5000);
  const link = <a href={toHash("/health")}>All of it</a>;
  return (
    <Panel title="Health" class="overview-health" aside={link}>
      {error && !health ? <p class="muted">{error}</p> : null}
      {health && (
        <>
          <p class="summary" role="status">{toSummary(health.parts)}</p>
          <PartsList parts={health.parts} now={now} />
        </>
      )}
    </Panel>
  );
}

function WindowChoice({ chosen }: { chosen: string }) {
  return (
    <nav class="choice" aria-label="Time window">
      {windows.map(([seconds, words]) => (
        <a
          key={seconds}
          href={toHash("/", { window: seconds })}
          aria-current={seconds === chosen ? "true" : undefined}
        >
          {words}
        </a>
      ))}
    </nav>
  );
}

/** The traffic through the gateway. */
function Totals({ map, windowSeconds, stored }: {
  map: Map;
  windowSeconds: number;
  stored: number | undefined;
}) {
  const none: Traffic = { requests: 0, errors: 0, p50Ms: 0, p95Ms: 0 };
  const traffic = map.nodes.find(({ kind }) => kind === "gateway") ?? none;
  const { requests, errors, p50Ms, p95Ms } = traffic;
  const orNone = (ms: number) => requests > 0 ? toDuration(ms) : "–";
  return (
    <dl class="totals">
      <Total name="Requests a second" value={toRate(requests, windowSeconds)} />
      <Total name="Failed" value={toShare(errors, requests)} severity={severityOf(traffic)} />
      <Total name="Half are faster than" value={orNone(p50Ms)} />
      <Total name="95 % are faster than" value={orNone(p95Ms)} />
      <Total name="Requests stored" value={stored === undefined ? "…" : toCount(stored)} />
    </dl>
  );
}

function Total(
  { name, value, severity = "well" }: { name: string; value: string; severity?: string },
) {
  return (
    <div class={`total severity-${severity}`}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Quiet({ map }: { map: Map }) {
  if (map.edges.some(({ requests }) => requests > 0)) return null;
  return (
    <Empty title="No requests in this time.">
      <p>Send a request and watch where it goes:</p>
      <TryCurl path="/courses" />
    </Empty>
  );
}
