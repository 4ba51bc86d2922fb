import type {
  AttributeValue,
  MapEdge,
  MapNode,
  NodeKind,
  ServiceMap,
  Span,
  Traffic,
} from "./api.ts";
import { readNumber, readText } from "./rows.ts";
import type { Database } from "./database.ts";

export interface MapOptions {
  /** Hops that began before do not count. */
  readonly since: number;
  /** Services that are shown whether they had traffic or not. */
  readonly services: readonly string[];
}

interface Hops {
  readonly durations: number[];
  errors: number;
}

const separator = "\n";

/**
 * The traffic of the system since a time: who called whom, how often, how many calls failed, and
 * how long they took.
 *
 * Every part that has a span is on it, whether within the window or not.
 */
export function readMap(db: Database, { since, services }: MapOptions): ServiceMap {
  const hops = readHops(db, since);
  const edges = [...hops].map(([key, { durations, errors }]) => {
    const [from = "", to = ""] = key.split(separator);
    return { from, to, ...summarise(durations, errors) };
  });
  const databases = new Set(services.map(nameDatabase));
  for (const service of new Set(edges.map(({ from }) => from))) {
    databases.add(nameDatabase(service));
  }
  const kindOf = (name: string): NodeKind => {
    if (name === "client" || name === "gateway" || name === "redis") return name;
    return databases.has(name) ? "database" : "service";
  };
  const named = edges.flatMap(({ from, to }) => [from, to]).filter((name) => name !== "");
  const names = new Set(["client", "gateway", ...services, ...named]);
  return {
    nodes: [...names].map((name): MapNode => ({
      name,
      kind: kindOf(name),
      ...trafficOf(name, hops),
    })),
    edges: edges.filter(({ from }) => from !== "").toSorted(byEnds),
  };
}

/** By caller and callee; a pair with no call in the window has an empty list. */
function readHops(db: Database, since: number): Map<string, Hops> {
  const hops = new Map<string, Hops>();
  const at = (source: string, target: string): Hops => {
    const key = `${source}${separator}${target}`;
    const entry = hops.get(key) ?? { durations: [], errors: 0 };
    hops.set(key, entry);
    return entry;
  };
  for (
    const row of db.all(
      "SELECT DISTINCT source, target FROM spans WHERE target IS NOT NULL AND source IS NOT NULL",
    )
  ) at(readText(row, "source"), readText(row, "target"));
  const rows = db.each(
    `SELECT source, target, duration_ms, has_failed FROM spans
     WHERE start >= ? AND target IS NOT NULL`,
    since,
  );
  for (const row of rows) {
    const hop = at(readText(row, "source"), readText(row, "target"));
    hop.durations.push(readNumber(row, "duration_ms"));
    hop.errors += readNumber(row, "has_failed");
  }
  return hops;
}

/** What a node served by its own spans; for one without spans, by those of its callers. */
function trafficOf(name: string, hops: ReadonlyMap<string, Hops>): Traffic {
  const isOf = (key: string, [source, target]: [string, string]) =>
    key === `${source}${separator}${target}`;
  if (name === "client") {
    return sum([...hops].filter(([key]) => isOf(key, ["client", "gateway"])));
  }
  const into = [...hops].filter(([key]) => key.split(separator)[1] === name);
  const own = into.filter(([key]) => isOf(key, ["", name]) || isOf(key, ["client", name]));
  return sum(own.length > 0 ? own : into);
}

function sum(hops: readonly (readonly [string, Hops])[]): Traffic {
  const durations = hops.flatMap(([, hop]) => hop.durations);
  return summarise(durations, hops.reduce((errors, [, hop]) => errors + hop.errors, 0));
}

function summarise(durations: readonly number[], errors: number): Traffic {
  const sorted = Float64Array.from(durations).sort();
  return {
    requests: sorted.length,
    errors,
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
  };
}

/** The smallest value that is not below the given share of all; 0 where there is none. */
function percentile(sorted: Float64Array, share: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return Math.round(value * 1000) / 1000;
}

function byEnds(a: MapEdge, b: MapEdge): number {
  return `${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1;
}

/** A span that measures a call from one part of the system to another. */
export interface Hop {
  /** The caller; empty where the span does not name it. */
  readonly source: string;
  readonly target: string;
  readonly hasFailed: boolean;
}

/** The name of a service's own database among the nodes of the map. */
export function nameDatabase(service: string): string {
  return `${service} database`;
}

/**
 * The hop that a span measures, if any.
 *
 * A server span measures a request as such, and only the gateway's names the caller, a client; a
 * client span measures the call to its peer. A refusal (4xx) is a response, and no failure.
 */
export function toHop(span: Span): Hop | undefined {
  const { service, kind, attributes } = span;
  const hasFailed = isFailure(span);
  if (kind === "server") {
    return { source: service === "gateway" ? "client" : "", target: service, hasFailed };
  }
  const system = attributes["db.system.name"];
  if (system === "redis" || attributes["edgepass.step"] === "revocation") {
    return toRedisHop(span, hasFailed);
  }
  if (typeof system === "string") {
    return { source: service, target: nameDatabase(service), hasFailed };
  }
  const peer = attributes["edgepass.peer"];
  if (kind !== "client" || typeof peer !== "string") return undefined;
  return { source: service, target: peer, hasFailed };
}

/** A fresh verdict was reused without a call to Redis. */
function toRedisHop({ service, attributes }: Span, hasFailed: boolean): Hop | undefined {
  const outcome = attributes["edgepass.revocation.answer"];
  if (outcome === "fresh") return undefined;
  // A revoked token fails the step, but the call to Redis has succeeded.
  if (outcome === "revoked") return { source: service, target: "redis", hasFailed: false };
  return { source: service, target: "redis", hasFailed: hasFailed || outcome === "unavailable" };
}

function isFailure({ attributes, status }: Span): boolean {
  const code: AttributeValue | undefined = attributes["http.response.status_code"];
  return typeof code === "number" ? code >= 500 : status === "error";
}
