import { integer } from "@edgepass/shared/configuration";
import * as z from "zod/mini";
import type { LineFilter } from "./lines.ts";
import { Refusal } from "./refusal.ts";
import { readCursor, type RequestFilter } from "./requests.ts";

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
  if (error) throw new Refusal(400, `${String(error.issues[0]?.path[0])} does not fit`);
  return data;
}
