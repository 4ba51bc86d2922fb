import type { MapEdge, MapNode, ServiceMap } from "../api_types.ts";

/** A node of the map, where it is drawn; `x` and `y` are its upper left corner, in pixels. */
export interface PlacedNode extends MapNode {
  readonly x: number;
  readonly y: number;
}

/**
 * The position of an edge's words: `split` has the line between them, the others are all on one
 * side.
 */
export interface EdgeLabel {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
  readonly form: "split" | "above" | "below" | "beside";
}

/** An edge as a path. */
export interface PlacedEdge extends MapEdge {
  readonly path: string;
  readonly label: EdgeLabel;
  /** Where the arrow's head is, and whether it points left. */
  readonly head: { readonly x: number; readonly y: number; readonly isLeft: boolean };
}

export interface MapLayout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly nodeWidth: number;
  readonly height: number;
}

export const nodeHeight = 52;
const rowHeight = 84;
const margin = 4;
const top = 14;

/** The shares of the room between the four columns: the first words need so much, calls fan out. */
const firstGap = { share: 0.24, min: 88 };
const fanShare = 0.47;
/** Calls between services and to Redis run at most so far right of them. */
const sideWidth = 44;

/**
 * Lays the map out in columns: client, gateway, services, and beside each service its database.
 * Redis has a row of its own below, so that the gateway's edge to it crosses nothing.
 */
export function layoutMap(map: ServiceMap, width: number): MapLayout {
  const nodeWidth = Math.round(Math.min(Math.max(width * 0.14, 100), 168));
  const columns = toColumns(nodeWidth, width - 2 * margin - 4 * nodeWidth);
  const rows = toRows(map);
  const rowCount = Math.max(1, ...[...rows.values()].map((row) => row + 1));
  const services = map.nodes.filter(({ kind }) => kind === "service").length;
  const middle = (Math.max(services, 1) - 1) / 2;
  const nodes = map.nodes.map((node) => {
    const [column, row] = placeOf(node, rows, middle);
    return {
      ...node,
      x: Math.round(columns[column] ?? margin),
      y: Math.round(top + row * rowHeight),
    };
  });
  const height = top + (rowCount - 1) * rowHeight + nodeHeight + top;
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const edges = map.edges.flatMap((edge) => {
    const from = byName.get(edge.from);
    const to = byName.get(edge.to);
    return from && to && from !== to ? [placeEdge(edge, from, to, nodeWidth)] : [];
  });
  return { nodes, edges, nodeWidth, height };
}

function toColumns(nodeWidth: number, free: number): number[] {
  const first = Math.max(free * firstGap.share, firstGap.min);
  const fan = (free - first) * fanShare;
  const gaps = [first, fan, free - first - fan];
  return gaps.reduce((xs, gap) => [...xs, (xs.at(-1) ?? 0) + nodeWidth + gap], [margin]);
}

function placeOf(
  { kind, name }: MapNode,
  rows: ReadonlyMap<string, number>,
  middle: number,
): readonly [column: number, row: number] {
  if (kind === "client") return [0, middle];
  if (kind === "gateway") return [1, middle];
  return [kind === "service" ? 2 : 3, rows.get(name) ?? 0];
}

/** Rows of services, databases and Redis, from 0. */
function toRows({ nodes, edges }: ServiceMap): Map<string, number> {
  const named = (kind: MapNode["kind"]) =>
    nodes.filter((node) => node.kind === kind).map(({ name }) => name);
  const rows = new Map(named("service").map((name, row) => [name, row]));
  const taken = new Set<number>();
  const late: string[] = [];
  for (const database of named("database")) {
    const owner = edges.find(({ from, to }) => to === database && rows.has(from))?.from;
    const row = owner === undefined ? undefined : rows.get(owner);
    if (row === undefined || taken.has(row)) {
      late.push(database);
      continue;
    }
    rows.set(database, row);
    taken.add(row);
  }
  for (const database of late) {
    const row = firstFree(taken);
    taken.add(row);
    rows.set(database, row);
  }
  const last = Math.max(-1, ...rows.values());
  named("redis").forEach((name, at) => rows.set(name, last + 1 + at));
  return rows;
}

function firstFree(taken: ReadonlySet<number>): number {
  let row = 0;
  while (taken.has(row)) row += 1;
  return row;
}

function placeEdge(edge: MapEdge, from: PlacedNode, to: PlacedNode, nodeWidth: number): PlacedEdge {
  if (from.x === to.x) return placeArc(edge, from, to, nodeWidth);
  if (to.kind === "redis") return placeBelow(edge, from, to, nodeWidth);
  const [x1, y1] = [from.x + nodeWidth, from.y + nodeHeight / 2];
  const [x2, y2] = [to.x, to.y + nodeHeight / 2];
  const bend = (x2 - x1) / 2;
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const head = { x: x2, y: y2, isLeft: false };
  if (y1 === y2) {
    const side = from.kind === "service" ? sideWidth / 2 : 0;
    const label = { x: x1 + bend + side, y: y2, anchor: "middle", form: "split" } as const;
    return { ...edge, path, head, label };
  }
  const form = y2 < y1 ? "above" : "below";
  return { ...edge, path, head, label: { x: x2 - 12, y: y2, anchor: "end", form } };
}

/** From one service to another in the same column: round its right side. */
function placeArc(edge: MapEdge, from: PlacedNode, to: PlacedNode, nodeWidth: number): PlacedEdge {
  const x = from.x + nodeWidth;
  const isUp = to.y < from.y;
  const [leave, enter] = isUp ? [0.2, 0.8] : [0.8, 0.2];
  const [y1, y2] = [from.y + nodeHeight * leave, to.y + nodeHeight * enter];
  const apex = 20 + 8 * Math.abs(y2 - y1) / rowHeight;
  // A curve comes three quarters of the way to points that lie so far out.
  const far = x + apex / 0.75;
  const path = `M${x} ${y1}C${far} ${y1} ${far} ${y2} ${x} ${y2}`;
  const label = { x: x + apex + 7, y: (y1 + y2) / 2, anchor: "start", form: "beside" } as const;
  return { ...edge, path, label, head: { x, y: y2, isLeft: true } };
}

/** Down to the row of Redis, and along it: from the gateway's foot, or close by a service's side. */
function placeBelow(
  edge: MapEdge,
  from: PlacedNode,
  to: PlacedNode,
  nodeWidth: number,
): PlacedEdge {
  const [x2, y2] = [to.x, to.y + nodeHeight / 2];
  const head = { x: x2, y: y2, isLeft: false };
  if (from.kind === "gateway") {
    const [x1, y1] = [from.x + nodeWidth / 2, from.y + nodeHeight];
    const path = `M${x1} ${y1}V${y2 - 16}Q${x1} ${y2} ${x1 + 16} ${y2}H${x2}`;
    return { ...edge, path, head, label: { x: x1 + 24, y: y2, anchor: "start", form: "split" } };
  }
  const [x1, y1] = [from.x + nodeWidth, from.y + nodeHeight / 2];
  const bus = x1 + 12;
  const path = `M${x1} ${y1}Q${bus} ${y1} ${bus} ${y1 + 12}V${y2 - 12}Q${bus} ${y2} ${
    bus + 12
  } ${y2}H${x2}`;
  const label = { x: bus + 8, y: y2 - rowHeight / 2, anchor: "start", form: "beside" } as const;
  return { ...edge, path, head, label };
}
