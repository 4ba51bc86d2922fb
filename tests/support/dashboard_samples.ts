import { makeConfiguration, type SampleConfiguration } from "./dashboard_configuration.ts";
import { makeEvents, type SampleEvents } from "./dashboard_events.ts";
import { learner, makeShortTrace, makeTrace } from "./dashboard_trace.ts";
import type {
  Exit,
  Health,
  MapNode,
  RequestDetail,
  RequestRow,
  ServiceMap,
  StoredLogLine,
} from "../../dev/collector/api.ts";

/** The content of the dashboard's API in the page's tests; all times are relative to `now`. */
export interface Samples {
  readonly requests: RequestRow[];
  readonly logs: StoredLogLine[];
  readonly traces: Map<string, RequestDetail>;
  map: ServiceMap;
  health: Health;
  readonly events: SampleEvents;
  readonly configuration: SampleConfiguration;
}

const kinds = [
  ["GET", "/courses", "/courses", 200, null, ["gateway", "course"], 6.2],
  ["GET", "/users/me", "/users/me", 200, null, ["gateway", "user"], 8.9],
  ["GET", "/users/me", "/users/me", 401, "token_expired", ["gateway"], 0.61],
  ["POST", "/enrollments", "/enrollments", 201, null, ["gateway", "enrollment", "course"], 41.3],
  [
    "GET",
    "/courses/01931c2e-77aa-7b11-8a52-1f0a9f3ac001",
    "/courses/{id}",
    200,
    null,
    ["gateway", "course", "user"],
    12.8,
  ],
  ["POST", "/auth/login", "/auth/login", 200, null, ["gateway", "auth"], 96.4],
  [
    "GET",
    "/enrollments",
    "/enrollments",
    503,
    "upstream_unavailable",
    ["gateway", "enrollment"],
    1240,
  ],
  ["DELETE", "/courses/01931c2e-77aa-7b11-8a52-1f0a9f3ac001", "/courses/{id}", 403, "forbidden", [
    "gateway",
  ], 1.4],
] as const;

/** 32 hex digits, the same for the same number. */
export function traceIdOf(at: number): string {
  return (at + 1).toString(16).padStart(8, "0").repeat(4);
}

/** A typical request; the greater `at`, the older. */
export function makeRow(at: number, now: number, more: Partial<RequestRow> = {}): RequestRow {
  const [method, path, route, status, code, services, durationMs] = kinds[at % kinds.length] ??
    kinds[0];
  const isSignedIn = status < 400 && route !== "/auth/login" && route !== "/courses";
  return {
    traceId: traceIdOf(at),
    time: now - at * 730.25,
    method,
    path,
    route,
    status,
    code,
    durationMs: Math.round((durationMs + (at % 7) * 0.3) * 100) / 100,
    sub: isSignedIn ? learner : null,
    issuer: isSignedIn ? "user" : null,
    services,
    spans: services.length * 4,
    logs: services.length,
    errorLogs: status >= 500 ? 1 : 0,
    ...more,
  };
}

/** Everything that a store of `count` requests returns. */
export function makeSamples(count: number, now: number): Samples {
  const requests = Array.from({ length: count }, (_, at) => makeRow(at, now));
  const logs = requests.flatMap((row, at) => makeLines(row, (count - at) * 4));
  const enrolled = requests.find(({ path }) => path === "/enrollments");
  const traces = new Map(
    requests.map((
      row,
    ) => [
      row.traceId,
      row === enrolled ? makeTrace(row, makeLines(row, 1)) : makeShortTrace(row, makeLines(row, 1)),
    ]),
  );
  return {
    requests,
    logs,
    traces,
    map: makeMap(),
    health: makeHealth(now),
    configuration: makeConfiguration(now),
    events: makeEvents(now),
  };
}

function makeLines(row: RequestRow, id: number): StoredLogLine[] {
  const { traceId, time, method, path, route, status, code, sub, durationMs } = row;
  const fields = { method, path, route, status, code, sub, durationMs };
  const present = Object.entries(fields).filter(([, value]) => value !== null);
  const own = { traceId, spanId: null, time: time + (durationMs ?? 0) };
  const last = {
    ...own,
    id,
    level: "info",
    service: "gateway",
    message: "Request completed",
    fields: Object.fromEntries(present),
  };
  if (row.errorLogs === 0) return [last];
  const cause = { name: "TypeError", message: "error sending request: connection refused" };
  return [last, {
    ...own,
    id: id - 1,
    level: "error",
    service: "gateway",
    message: "Upstream is unavailable",
    fields: { code, peer: "enrollment", cause },
  }];
}

type Row<Name extends string> = readonly [Name, ...numbers: [number, number, number, number]];
type Way = readonly [from: string, to: string, ...numbers: [number, number, number, number]];

const databases = ["auth", "user", "course", "enrollment"];

/** Requests, failures, p50, p95. */
const served: readonly Row<string>[] = [
  ["client", 482, 3, 9.1, 84.2],
  ["gateway", 482, 3, 9.1, 84.2],
  ["auth", 41, 0, 72.4, 98.1],
  ["user", 129, 0, 4.3, 11.7],
  ["course", 301, 0, 3.9, 12.2],
  ["enrollment", 58, 3, 22.8, 1240.5],
  ...databases.map((name) => [`${name} database`, name === "auth" ? 0 : 140, 0, 0.8, 2.9] as const),
  ["redis", 371, 0, 0.9, 2.4],
];

const ways: readonly Way[] = [
  ["client", "gateway", 482, 3, 9.1, 84.2],
  ["gateway", "auth", 41, 0, 73, 99.3],
  ["gateway", "user", 118, 0, 5.1, 12.9],
  ["gateway", "course", 243, 0, 4.4, 13.1],
  ["gateway", "enrollment", 58, 3, 23.9, 1242.2],
  ["gateway", "redis", 371, 0, 0.9, 2.4],
  ["enrollment", "course", 58, 0, 5.2, 18.4],
  ["user", "auth", 2, 0, 6.4, 7.1],
  ["course", "user", 11, 0, 4.1, 9.9],
  ...databases.map((name) =>
    [name, `${name} database`, name === "auth" ? 0 : 140, 0, 0.8, 2.9] as const
  ),
  ["auth", "redis", 4, 0, 1.1, 2],
];

function makeMap(): ServiceMap {
  const kindOf = (name: string): MapNode["kind"] => {
    if (name === "client" || name === "gateway" || name === "redis") return name;
    return name.endsWith(" database") ? "database" : "service";
  };
  return {
    nodes: served.map(([name, requests, errors, p50Ms, p95Ms]) => ({
      name,
      kind: kindOf(name),
      requests,
      errors,
      p50Ms,
      p95Ms,
    })),
    edges: ways.map(([from, to, requests, errors, p50Ms, p95Ms]) => ({
      from,
      to,
      requests,
      errors,
      p50Ms,
      p95Ms,
    })),
  };
}

function makeHealth(now: number): Health {
  const ready = { state: "ready", reason: "", since: now - 812_000 } as const;
  const down = { state: "down", since: now - 42_000 } as const;
  const alive = ["gateway", "auth", "user", "course"].flatMap((name, at) => [
    { name, kind: "process", ...ready, pid: 48210 + at } as const,
    { name, kind: "http", ...ready, port: 8787 + at } as const,
  ]);
  return {
    parts: [
      ...alive,
      { name: "enrollment", kind: "process", ...down, reason: "ended with code 1", pid: 48214 },
      { name: "enrollment", kind: "http", ...down, reason: "its process has ended", port: 8791 },
      { name: "redis", kind: "redis", ...ready },
      { name: "auth database", kind: "database", ...ready },
      {
        name: "course database",
        kind: "database",
        state: "not ready",
        reason: "1 migration is missing: run deno task migrate",
        since: now - 5_000,
      },
    ],
    exits: makeExits(now),
  };
}

function makeExits(now: number): readonly Exit[] {
  return [
    {
      name: "enrollment",
      time: now - 42_000,
      code: 1,
      signal: null,
      lastLines: [
        "error: Uncaught (in promise) TypeError: Cannot read properties of undefined (reading 'id')",
        "    at enroll (services/enrollment/service.ts:58:31)",
        "    at async services/enrollment/routes.ts:41:18",
      ],
      inFlight: [
        { traceId: traceIdOf(6), method: "GET", path: "/enrollments", sinceMs: 1240 },
        { traceId: null, method: "POST", path: "/enrollments", sinceMs: 3.2 },
      ],
      isExpected: false,
    },
    {
      name: "gateway",
      time: now - 3_600_000,
      code: null,
      signal: "SIGTERM",
      lastLines: ["Shut down"],
      inFlight: [],
      isExpected: true,
    },
  ];
}
