import { digest } from "@edgepass/shared/crypto";
import { fallbackKey } from "@edgepass/shared/resilience";
import type { Caller } from "./credentials.ts";
import { isJson, maxCheckedBytes } from "./response_head.ts";
import type { CheckedRoute } from "./routes.ts";
import type { Target } from "./target.ts";

/** One authorised request. */
export interface CacheKeyParts {
  readonly request: Request;
  readonly target: Target;
  readonly route: Pick<CheckedRoute, "path" | "fallback" | "upstream">;
  readonly caller: Caller;
}

/** Safe methods change nothing, so stored responses stay valid (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(["HEAD", "OPTIONS"]);

/** The headers that are stored with a response; the others describe the live response only. */
const storedHeaders = ["content-type", "content-language", "vary"] as const;
/** Request headers that may select the response; the caller is part of the key anyway. */
const selectingHeaders = ["accept", "accept-language", "origin"] as const;
const harmlessVary: ReadonlySet<string> = new Set([
  ...selectingHeaders,
  "accept-encoding",
  "authorization",
  "cookie",
]);

/** Statuses for which a stale response may be served (RFC 5861 §4). */
const failures: ReadonlySet<number> = new Set([500, 502, 503, 504]);
const gone: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/**
 * The cache key: the caller with everything their rights depend on, and the request. A caller whose
 * rights changed gets another key, so no response is served that they may no longer see.
 */
export async function keyOf({ request, target, route, caller }: CacheKeyParts): Promise<string> {
  const rights = caller === "anonymous"
    ? []
    : [caller.alias ?? null, caller.sub, caller.uv ?? null, caller.roles, caller.scope];
  const requestParts = [
    route.upstream.name,
    target.pathAndQuery,
    ...selectingHeaders.map(headerOf(request)),
  ];
  const hash = await digest(JSON.stringify([rights, requestParts]));
  return fallbackKey({ service: "gateway", what: hash, sub: nameOf(caller) });
}

/** The headers of a response that are stored. */
export function headersOf({ headers }: Response): [string, string][] {
  return storedHeaders.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}

function headerOf({ headers }: Request): (name: string) => string | null {
  return (name) => headers.get(name);
}

function nameOf(caller: Caller): string {
  if (caller === "anonymous") return "anon";
  return caller.alias === undefined ? caller.sub : `${caller.alias}:${caller.sub}`;
}

/**
 * Whether the cache applies to a request. A client that sends `no-store` or `no-cache`
 * (RFC 9111 §5.2.1) gets a live response or the failure.
 */
export function isCacheableRequest({ method, headers }: Request): boolean {
  if (method !== "GET") return !safe.has(method);
  const directives = directivesOf(headers);
  return !directives.has("no-store") && !directives.has("no-cache");
}

/** Whether a stale response may be served instead of one with this status. */
export function isServableStale(status: number): boolean {
  return failures.has(status);
}

/** Whether a response that is not cacheable invalidates the stored one. */
export function invalidates({ status, headers }: Response): boolean {
  return status === 200 ? !headers.has("x-fallback") : gone.has(status);
}

/**
 * Whether a response is complete and good, and the service neither forbids to store it or to serve
 * it stale (RFC 9111 §3, §4.2.4), nor marks it as a fallback already.
 */
export function isCacheable({ status, headers }: Response, caller: Caller): boolean {
  const directives = directivesOf(headers);
  const forbidden = ["no-store", "no-cache", "must-revalidate", "proxy-revalidate"];
  if (caller === "anonymous") forbidden.push("private");
  return status === 200 && isJson(headers) && !forbidden.some((name) => directives.has(name)) &&
    Number(headers.get("content-length") ?? 0) <= maxCheckedBytes &&
    (headers.get("content-encoding") ?? "identity") === "identity" &&
    headers.getSetCookie().length === 0 && !headers.has("x-fallback") &&
    listOf(headers.get("vary")).every((name) => harmlessVary.has(name));
}

function directivesOf(headers: Headers): ReadonlySet<string> {
  const names = listOf(headers.get("cache-control")).map((directive) => directive.split("=")[0]);
  return new Set(names.map((name) => (name ?? "").trim()));
}

function listOf(value: string | null): string[] {
  return (value ?? "").toLowerCase().split(",").map((item) => item.trim()).filter(Boolean);
}
