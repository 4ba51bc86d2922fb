import * as z from "zod/mini";
import type { Health, State } from "./api.ts";
import type { Collect, Signal } from "./collector.ts";
import type { Database } from "./database.ts";
import type { ConfigurationBoard } from "./configuration_board.ts";
import type { EventBoard } from "./event_board.ts";
import { readDetail } from "./detail.ts";
import {
  type LineFilter,
  listRequests,
  readCursor,
  type RequestFilter,
  searchLines,
} from "./lists.ts";
import { readMap } from "./map.ts";
import type { OutboxFile } from "./event_sources.ts";
import { parseBody, readJsonText, Refusal, toJsonResponse } from "./refusal.ts";
import type { DashboardRoute } from "./server.ts";
import { integer } from "@edgepass/shared/configuration";

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
      if (!detail) throw new Refusal(404, "There are no data of this trace");
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
    read("/api/configuration/rollout", configuration.rollout),
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
    throw new Refusal(403, "Only the dashboard's own page may request this");
  }
}

const text = z.string().check(z.maxLength(1_000));
const list = z.pipe(text, z.transform((value) => value.split(",").filter((one) => one !== "")));
const limit = (fallback: number) => z._default(integer({ min: 1, max: 500 }), fallback);
const traceId = z.string().check(z.regex(/^[0-9a-f]{32}$/));

/** `2xx` is a class of statuses, `200` is one. */
const status = z.pipe(
  z.string().check(z.regex(/^[1-5](xx|\d\d)$/)),
  z.transform((value) => {
    const from = Number(value.replace("xx", "00"));
    return { from, to: value.endsWith("xx") ? from + 99 : from };
  }),
);

const cursor = z.pipe(
  z.string().check(z.refine((value) => readCursor(value) !== undefined)),
  z.transform(readCursor),
);

const milliseconds = z.pipe(
  z.string().check(z.regex(/^\d{1,9}(\.\d{1,6})?$/)),
  z.transform(Number),
);

/** Whether requests that the dashboard itself sent are left out. */
const own = z.enum(["hide", "show"]);

const RequestsQuery = z.object({
  limit: limit(100),
  before: z.optional(cursor),
  method: z.optional(text),
  route: z.optional(text),
  status: z.optional(status),
  code: z.optional(text),
  sub: z.optional(text),
  service: z.optional(text),
  minMs: z.optional(milliseconds),
  q: z.optional(text),
  own: z.optional(own),
});

const LogsQuery = z.object({
  limit: limit(200),
  before: z.optional(integer({ min: 1 })),
  level: z.optional(list),
  service: z.optional(list),
  traceId: z.optional(traceId),
  q: z.optional(text),
  own: z.optional(own),
});

const MapQuery = z.object({ windowSeconds: z._default(integer({ min: 1, max: 86_400 }), 60) });

/** @throws {Refusal} 400 naming the invalid parameter */
export function readRequestsQuery(url: URL): RequestFilter {
  return parse(RequestsQuery, url);
}

/** Levels and services may be several, separated by commas. @throws {Refusal} 400 */
export function readLogsQuery(url: URL): LineFilter {
  const { level, service, ...rest } = parse(LogsQuery, url);
  return { ...rest, levels: level, services: service };
}

/** @throws {Refusal} 400 */
export function readMapQuery(url: URL): { windowSeconds: number } {
  return parse(MapQuery, url);
}

/** A parameter without a value counts as absent, as an empty field of a form does. */
function parse<Schema extends z.ZodMiniType>(schema: Schema, url: URL): z.output<Schema> {
  const given = [...url.searchParams].filter(([, value]) => value !== "");
  const { data, error } = z.safeParse(schema, Object.fromEntries(given));
  if (error) throw new Refusal(400, `${String(error.issues[0]?.path[0])} is invalid`);
  return data;
}
