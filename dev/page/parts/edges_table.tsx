import { toDuration, toRate, toShare } from "../logic/format.ts";
import type { MapEdge, Traffic } from "../api_types.ts";

/** The state of traffic: none, no errors, some errors, many errors. */
export function severityOf({ requests, errors }: Traffic): "idle" | "well" | "some" | "much" {
  if (requests === 0) return "idle";
  if (errors === 0) return "well";
  return errors / requests < 0.05 ? "some" : "much";
}

const starts: readonly string[] = ["client", "gateway"];

/** In the order of a request's path. */
function byWay(a: MapEdge, b: MapEdge): number {
  const rank = ({ from }: MapEdge) => starts.includes(from) ? starts.indexOf(from) : starts.length;
  return rank(a) - rank(b) || (a.from < b.from ? -1 : 1);
}

/** The map for readers who cannot see it drawn, or lack the room. */
export function EdgesTable(
  { edges, windowSeconds }: { edges: readonly MapEdge[]; windowSeconds: number },
) {
  return (
    <table class="plain edges">
      <thead>
        <tr>
          <th scope="col">From, to</th>
          <th scope="col" class="number">Per second</th>
          <th scope="col" class="number">Failed</th>
          <th scope="col" class="number cell-p50">p50</th>
          <th scope="col" class="number">p95</th>
        </tr>
      </thead>
      <tbody>
        {edges.toSorted(byWay).map((edge) => (
          <tr key={`${edge.from} ${edge.to}`}>
            <th scope="row">{edge.from} → {edge.to}</th>
            <td class="number">{toRate(edge.requests, windowSeconds)}</td>
            <td class={`number mood-${severityOf(edge)}`}>{toShare(edge.errors, edge.requests)}</td>
            <td class="number cell-p50">{edge.requests > 0 ? toDuration(edge.p50Ms) : "–"}</td>
            <td class="number">{edge.requests > 0 ? toDuration(edge.p95Ms) : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
