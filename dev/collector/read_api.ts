import type { Health, State } from "./api.ts";
import type { Collect, Signal } from "./collector.ts";
import type { Database } from "./database.ts";
import type { ConfigurationBoard } from "./configuration_board.ts";
import type { EventBoard } from "./event_board.ts";
import { readDetail } from "./detail.ts";
import { searchLines } from "./lines.ts";
import { readMap } from "./map.ts";
import type { OutboxFile } from "./outboxes.ts";
import { parseBody, readJsonText } from "./read_body.ts";
import { readLogsQuery, readMapQuery, readRequestsQuery } from "./query.ts";
import { Refusal, toJsonResponse } from "./refusal.ts";
import { listRequests } from "./requests.ts";
import type { DashboardRoute } from "./server.ts";

export interface ApiOptions {
  readonly db: Database;
  readonly outboxes: readonly OutboxFile[];
  readonly board: EventBoard;
  readonly configuration: ConfigurationBoard;
  readonly state: () => State;
  readonly health: () => Promise<Health>;
  readonly openStream: () => Response;
  readonly collect: Collect;
  /** Services that the map shows whether they had traffic or not. */
  readonly services: readonly string[];
  readonly now: () => number;
}

/** Twice the maximum size of a document. */
const maxBodyBytes = 1024 * 1024;

/** The dashboard's routes beside its page. */
export function createRoutes(options: ApiOptions): DashboardRoute[] {
  const { db, outboxes, board, configuration, state, health, openStream, collect, now } = options;
  const { services } = options;
  const read = (
    path: string,
    read: (url: URL, parameter: string) => unknown,
  ): DashboardRoute => ({
    method: "GET",
    path,
    handle: async (_request, url, parameter) => toJsonResponse(await read(url, parameter)),
  });
  const act = (
    method: "POST" | "PUT" | "DELETE",
    path: string,
    work: (parameter: string, request: Request) => unknown,
  ): DashboardRoute => ({
    method,
    path,
    handle: async (request, _url, parameter) => {
      requireOwnScript(request);
      return toJsonResponse(await work(parameter, request));
    },
  });
  const change = (
    method: "POST" | "PUT",
    path: string,
    make: (body: unknown) => Promise<unknown>,
  ): DashboardRoute =>
    act(method, path, async (_parameter, request) => make(await readBody(request)));
  const exported = (signal: Signal): DashboardRoute => ({
    method: "POST",
    path: `/v1/${signal}`,
    handle: (request) => collect(signal, request),
  });
  return [
    exported("traces"),
    exported("metrics"),
    exported("logs"),
    read("/api/state", state),
    read("/api/requests", (url) => listRequests(db, readRequestsQuery(url))),
    read("/api/requests/:traceId", (_url, traceId) => {
      const detail = readDetail(db, traceId, outboxes);
      if (!detail) throw new Refusal(404, "Nothing is known of this trace");
      return detail;
    }),
    read("/api/logs", (url) => searchLines(db, readLogsQuery(url))),
    read("/api/map", (url) => {
      const { windowSeconds } = readMapQuery(url);
      return readMap(db, { since: now() - windowSeconds * 1000, services });
    }),
    read("/api/health", health),
    read("/api/events", board.read),
    read("/api/events/dead-letters/:id", (_url, id) => board.find(id)),
    act("POST", "/api/events/dead-letters", board.replayAll),
    act("POST", "/api/events/dead-letters/:id", board.replay),
    act("DELETE", "/api/events/dead-letters/:id", board.drop),
    read("/api/configuration", configuration.read),
    read("/api/configuration/holders", configuration.rollout),
    read("/api/configuration/history", (url) => configuration.history(url.searchParams)),
    read("/api/configuration/history/:version", (_url, version) => configuration.find(version)),
    change("PUT", "/api/configuration", configuration.change),
    change("POST", "/api/configuration/rollback", configuration.rollBack),
    { method: "GET", path: "/api/stream", handle: openStream },
  ];
}

/** @throws {Refusal} 400, 413, 415 */
async function readBody(request: Request): Promise<unknown> {
  return parseBody(await readJsonText(request, maxBodyBytes));
}

/**
 * Only a script can set a header of its own, and a script of another origin needs a CORS preflight
 * first, which this server refuses: no form and no link of another page changes anything, whatever
 * origin its browser reports.
 *
 * @throws {Refusal} 403
 */
function requireOwnScript({ headers }: Request): void {
  if (headers.get("x-edgepass-page") !== "1") {
    throw new Refusal(403, "Only the dashboard's own page may ask for that");
  }
}
