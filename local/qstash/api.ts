import * as z from "zod/mini";
import { decodeUtf8WithoutMark } from "@edgepass/shared/crypto";

/** A request whose response is an error; the message is shown to the caller as `{"error"}`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Refuses a feature that the documented service has and this one lacks: it must not be ignored
 * silently.
 */
export function notSupported(what: string): ApiError {
  return new ApiError(501, `not supported locally: ${what}`);
}

/** A request as the routes see it. */
export interface Call {
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly query: URLSearchParams;
  /** The parts of the path that the route's pattern names. */
  readonly params: Readonly<Record<string, string>>;
  readonly callerIp: string;
}

/** A route's response; without a body it is empty. */
export interface RouteResponse {
  readonly status: number;
  readonly body?: unknown;
}

/** The response of a request that succeeded. */
export function ok(body?: unknown): RouteResponse {
  return { status: 200, body };
}

/** `GET /v2/queues/:name`; `*` takes the raw rest with the query: a destination. */
export type Routes = Readonly<Record<string, (call: Call) => RouteResponse>>;

export interface Target {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly raw: string;
}

export type Match = Pick<Call, "params" | "query"> & {
  readonly run: (call: Call) => RouteResponse;
};

interface Pattern {
  readonly method: string;
  readonly segments: readonly string[];
  readonly run: (call: Call) => RouteResponse;
}

/**
 * Finds the route of a request on its raw path, because a destination is in there unescaped.
 *
 * The first match wins. 405 where the path exists with another method, 501 where it does not.
 */
export function createRouter(routes: Routes): (target: Target) => Match {
  const patterns = Object.entries(routes).map(([key, run]): Pattern => {
    const [method = "", path = ""] = key.split(" ");
    return { method, segments: path.slice(1).split("/"), run };
  });
  return function route({ method, raw }) {
    const [path = "", search = ""] = splitOnce(raw, "?");
    let isKnown = false;
    for (const pattern of patterns) {
      const params = matchPath(pattern.segments, path, raw);
      if (!params) continue;
      isKnown = true;
      if (pattern.method !== method) continue;
      // The query of a destination's URL belongs to the destination.
      const query = new URLSearchParams(pattern.segments.includes("*") ? "" : search);
      return { params, query, run: pattern.run };
    }
    if (isKnown) throw new ApiError(405, `${method} is not allowed for ${path}`);
    throw notSupported(`${method} ${path}`);
  };
}

function matchPath(
  segments: readonly string[],
  path: string,
  raw: string,
): Record<string, string> | undefined {
  const given = path.slice(1).replace(/\/$/, "").split("/");
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (segment === "*") {
      params.destination = restOf(raw, index);
      return params.destination === "" ? undefined : params;
    }
    const value = given[index];
    if (value === undefined || value === "") return undefined;
    if (segment.startsWith(":")) params[segment.slice(1)] = decode(value);
    else if (segment !== value) return undefined;
  }
  return segments.length === given.length ? params : undefined;
}

function restOf(raw: string, segments: number): string {
  let at = 0;
  for (let index = 0; index <= segments; index++) at = raw.indexOf("/", at) + 1;
  return raw.slice(at);
}

function splitOnce(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiError(400, "the path is not properly encoded");
  }
}

/**
 * Reads a body as JSON of the schema's shape.
 *
 * @throws {ApiError} 400 naming where it is invalid
 */
export function readJson<T>(body: Uint8Array, schema: z.ZodMiniType<T>): T {
  const result = z.safeParse(schema, parse(body));
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join(".") || "body";
  throw new ApiError(400, `invalid request: ${where} is not as expected`);
}

/** Parses a body as JSON of any shape. */
export function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8WithoutMark(body));
  } catch {
    throw new ApiError(400, "invalid request: the body is not JSON");
  }
}
