import assert from "node:assert/strict";
import type { MapEdge, MapNode, ServiceMap } from "../api_types.ts";
import { layoutMap, nodeHeight } from "./map_layout.ts";

const traffic = { requests: 1, errors: 0, p50Ms: 1, p95Ms: 2 };
const node = (name: string, kind: MapNode["kind"]): MapNode => ({ name, kind, ...traffic });
const edge = (from: string, to: string): MapEdge => ({ from, to, ...traffic });

const map: ServiceMap = {
  nodes: [
    node("client", "client"),
    node("gateway", "gateway"),
    node("auth", "service"),
    node("course", "service"),
    node("redis", "redis"),
    node("course database", "database"),
    node("auth database", "database"),
  ],
  edges: [
    edge("client", "gateway"),
    edge("gateway", "auth"),
    edge("gateway", "course"),
    edge("gateway", "redis"),
    edge("auth", "redis"),
    edge("auth", "auth database"),
    edge("course", "course database"),
    edge("course", "auth"),
    edge("course", "nobody here"),
  ],
};

for (const width of [600, 848, 1400]) {
  const { nodes, edges, nodeWidth, height } = layoutMap(map, width);
  const at = (name: string) => {
    const found = nodes.find((one) => one.name === name);
    assert.ok(found, name);
    return found;
  };

  Deno.test(`on ${width} pixels nothing overlaps or is outside`, () => {
    for (const a of nodes) {
      assert.ok(a.x >= 0 && a.x + nodeWidth <= width && a.y >= 0 && a.y + nodeHeight <= height);
      for (const b of nodes) {
        const isApart = Math.abs(a.x - b.x) >= nodeWidth || Math.abs(a.y - b.y) >= nodeHeight;
        assert.ok(a === b || isApart, `${a.name} and ${b.name}`);
      }
    }
  });

  Deno.test(`on ${width} pixels calls go from left to right, a database beside its service`, () => {
    assert.ok(at("client").x < at("gateway").x && at("gateway").x < at("auth").x);
    for (const name of ["auth", "course"]) {
      assert.equal(at(`${name} database`).y, at(name).y);
      assert.ok(at(`${name} database`).x > at(name).x);
    }
    assert.ok(at("redis").y > at("course").y);
  });

  Deno.test(`on ${width} pixels each edge ends at its target`, () => {
    assert.equal(edges.length, map.edges.length - 1);
    for (const { to, head } of edges) {
      const { x, y } = at(to);
      assert.equal(head.x, head.isLeft ? x + nodeWidth : x);
      assert.ok(head.y >= y && head.y <= y + nodeHeight, to);
    }
  });
}

Deno.test("an empty map has room for its gateway alone", () => {
  const { nodes, height } = layoutMap({ nodes: [node("gateway", "gateway")], edges: [] }, 800);
  assert.ok((nodes[0]?.y ?? 0) + nodeHeight <= height);
});
