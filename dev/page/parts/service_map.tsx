import { PlainTable } from "./small.tsx";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { toHash } from "../data/router.ts";
import { fitText, hueOf, toDuration, toRate, toShare } from "../logic/format.ts";
import { layoutMap, nodeHeight, type PlacedEdge, type PlacedNode } from "../logic/map_layout.ts";
import { sortParts } from "./health_parts.tsx";
import type { MapEdge, Part, ServiceMap as Map, Traffic } from "../api_types.ts";

export interface ServiceMapProps {
  readonly map: Map;
  readonly windowSeconds: number;
  readonly parts: readonly Part[];
}

/** In less width the words would overlap. */
const minWidth = 600;

/** Who calls whom: drawn, with words for all that its colours and widths mean, or as a table. */
export function ServiceMap(props: ServiceMapProps) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const { map: { edges }, windowSeconds } = props;
  const table = <EdgesTable edges={edges} windowSeconds={windowSeconds} />;
  return (
    <div class="map-box" ref={box}>
      {width >= minWidth && (
        <>
          <Drawing {...props} width={width} />
          <details class="calls">
            <summary>As a table</summary>
            {table}
          </details>
        </>
      )}
      {width > 0 && width < minWidth && table}
    </div>
  );
}

function Drawing({ map, windowSeconds, parts, width }: ServiceMapProps & { width: number }) {
  const layout = layoutMap(map, width);
  return (
    <svg class="map" width={width} height={layout.height} role="group" aria-label="Map">
      {layout.edges.map((edge) => (
        <Edge key={`${edge.from} ${edge.to}`} edge={edge} windowSeconds={windowSeconds} />
      ))}
      {layout.nodes.map((node) => (
        <Node
          key={node.name}
          node={node}
          width={layout.nodeWidth}
          windowSeconds={windowSeconds}
          part={partOf(node, parts)}
        />
      ))}
    </svg>
  );
}

/** The worst state of a node's part of the system. */
function partOf({ name, kind }: PlacedNode, parts: readonly Part[]): Part | undefined {
  const kinds: readonly Part["kind"][] = kind === "service" || kind === "gateway"
    ? ["process", "http"]
    : kind === "client"
    ? []
    : [kind];
  return sortParts(parts).find((part) =>
    kinds.includes(part.kind) && (part.name === name || `${part.name} database` === name)
  );
}

/** The width of an element, kept up to date. */
function useWidth(box: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    setWidth(box.current.clientWidth);
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

function Edge({ edge, windowSeconds }: { edge: PlacedEdge; windowSeconds: number }) {
  const { path, head, requests } = edge;
  const severity = severityOf(edge);
  const width = requests === 0 ? 1.5 : Math.min(1.5 + Math.log2(1 + requests / windowSeconds), 7);
  const side = head.isLeft ? 8 : -8;
  const corners = [[0, 0], [side, -5], [side, 5]];
  const points = corners.map(([x = 0, y = 0]) => `${head.x + x},${head.y + y}`).join(" ");
  return (
    <g class={`edge severity-${severity}`} aria-hidden="true">
      <path d={path} stroke-width={width} />
      <polygon points={points} />
      {requests > 0 && <EdgeWords edge={edge} windowSeconds={windowSeconds} />}
    </g>
  );
}

/** Distances of the words' lines from the edge: successes, and failures. */
const lineOffsets = {
  split: [-7, 16, 30],
  above: [-8, -8, -22],
  below: [17, 17, 31],
  beside: [4, 4, 18],
} as const;

function EdgeWords({ edge, windowSeconds }: { edge: PlacedEdge; windowSeconds: number }) {
  const { label: { x, y, anchor, form }, requests, errors, p95Ms } = edge;
  const [first, second, third] = lineOffsets[form];
  const rate = <tspan class="edge-rate">{toRate(requests, windowSeconds)}/s</tspan>;
  const took = toDuration(p95Ms);
  return (
    <text x={x} y={y + first} text-anchor={anchor}>
      {rate}
      {first === second ? ` · ${took}` : <tspan x={x} y={y + second}>{took}</tspan>}
      {errors > 0 && (
        <tspan x={x} y={y + third} class="edge-errors">{toShare(errors, requests)} failed</tspan>
      )}
    </text>
  );
}

interface NodeProps {
  readonly node: PlacedNode;
  readonly width: number;
  readonly windowSeconds: number;
  readonly part: Part | undefined;
}

function Node({ node, width, windowSeconds, part }: NodeProps) {
  const { x, y, name, kind, requests } = node;
  const isUnwell = part !== undefined && part.state !== "ready";
  const words = isUnwell ? part.state : `${toRate(requests, windowSeconds)}/s`;
  const body = (
    <>
      <title>{name}</title>
      <rect width={width} height={nodeHeight} rx="8" />
      {kind === "service" || kind === "gateway"
        ? (
          <rect
            class={`node-edge ${hueOf(name)}`}
            width="4"
            height={nodeHeight - 16}
            y="8"
            rx="2"
          />
        )
        : null}
      <text x="14" y="22" class="node-name">
        {fitText(kind === "database" ? "database" : name, width - nameMargins, measureName)}
      </text>{" "}
      <text x="14" y="40" class="node-words">{kind === "client" ? "any client" : words}</text>
    </>
  );
  const look = `node node-${kind} ${isUnwell ? "is-unwell" : ""}`;
  const link = linkOf(node);
  return (
    <g class={look} transform={`translate(${x} ${y})`}>
      {link ? <a href={link}>{body}</a> : body}
    </g>
  );
}

function linkOf({ kind, name }: PlacedNode): string | undefined {
  if (kind === "gateway") return toHash("/requests");
  return kind === "service" ? toHash("/requests", { service: name }) : undefined;
}

/** Left and right of a node's name. */
const nameMargins = 22;

/** The width of a name in the font of the page. */
function measureName(text: string): number {
  const context = document.createElement("canvas").getContext("2d");
  // As in overview.css.
  if (context) context.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
  return context?.measureText(text).width ?? text.length * 9;
}

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

const edgeColumns = [
  "From, to",
  ["Per second", "number"],
  ["Failed", "number"],
  ["p50", "number cell-p50"],
  ["p95", "number"],
] as const;

/** The map for readers who cannot see it drawn, or lack the room. */
export function EdgesTable(
  { edges, windowSeconds }: { edges: readonly MapEdge[]; windowSeconds: number },
) {
  return (
    <PlainTable
      class="edges"
      columns={edgeColumns}
    >
      <tbody>
        {edges.toSorted(byWay).map((edge) => (
          <tr key={`${edge.from} ${edge.to}`}>
            <th scope="row">{edge.from} → {edge.to}</th>
            <td class="number">{toRate(edge.requests, windowSeconds)}</td>
            <td class={`number severity-${severityOf(edge)}`}>
              {toShare(edge.errors, edge.requests)}
            </td>
            <td class="number cell-p50">{edge.requests > 0 ? toDuration(edge.p50Ms) : "–"}</td>
            <td class="number">{edge.requests > 0 ? toDuration(edge.p95Ms) : "–"}</td>
          </tr>
        ))}
      </tbody>
    </PlainTable>
  );
}
