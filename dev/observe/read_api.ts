import type { Health, State } from "./api.ts";
import type { Collect, Signal } from "./collector.ts";
import type { Database } from "./database.ts";
import { readDetail } from "./detail.ts";
import { searchLines } from "./lines.ts";
import { readMap } from "./map.ts";
import { readLogsQuery, readMapQuery, readRequestsQuery } from "./query.ts";
import { Refusal, toJsonResponse } from "./refusal.ts";
import { listRequests } from "./requests.ts";
import type { DashboardRoute } from "./server.ts";

export interface ApiOptions {
  readonly db: Database;
  readonly state: () => State;
  readonly health: () => Promise<Health>;
  readonly openStream: () => Response;
  readonly collect: Collect;
  /** Services that the map shows whether they had traffic or not. */
  readonly services: readonly string[];
  readonly now: () => number;
}

/** Everything the dashboard answers beside its page. */
export function createRoutes(options: ApiOptions): DashboardRoute[] {
  const { db, state, health, openStream, collect, services, now } = options;
  const read = (
    path: string,
    answer: (url: URL, parameter: string) => unknown,
  ): DashboardRoute => ({
    method: "GET",
    path,
    answer: async (_request, url, parameter) => toJsonResponse(await answer(url, parameter)),
  });
  const exported = (signal: Signal): DashboardRoute => ({
    method: "POST",
    path: `/v1/${signal}`,
    answer: (request) => collect(signal, request),
  });
  return [
    exported("traces"),
    exported("metrics"),
    exported("logs"),
    read("/api/state", state),
    read("/api/requests", (url) => listRequests(db, readRequestsQuery(url))),
    read("/api/requests/:traceId", (_url, traceId) => {
      const detail = readDetail(db, traceId);
      if (!detail) throw new Refusal(404, "Nothing is known of this trace");
      return detail;
    }),
    read("/api/logs", (url) => searchLines(db, readLogsQuery(url))),
    read("/api/map", (url) => {
      const { windowSeconds } = readMapQuery(url);
      return readMap(db, { since: now() - windowSeconds * 1000, services });
    }),
    read("/api/health", health),
    { method: "GET", path: "/api/stream", answer: openStream },
  ];
}
