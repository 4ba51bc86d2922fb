import { digest } from "@edgepass/shared/crypto";
import { fallbackKey } from "@edgepass/shared/resilience";
import type { Caller } from "./identify.ts";
import { isJson, maxCheckedBytes } from "./response_head.ts";
import type { CheckedRoute } from "./routes.ts";
import type { Target } from "./target.ts";

/** One authorised request. */
export interface CacheKeyParts {
  readonly request: Request;
  readonly target: Target;
  readonly route: Pick<CheckedRoute, "path" | "fallback" | "upstream">;
  readonly bearer: Caller;
}

/** They change nothing, so what is kept stays true (RFC 9110 §9.2.1). */
const safe: ReadonlySet<string> = new Set(["HEAD", "OPTIONS"]);

/** A caller gets these of an answer kept; the rest spoke of that day's answer. */
const storedHeaders = ["content-type", "content-language", "vary"] as const;
/** What of a request may choose its answer; whoever asks is in the key anyway. */
const chosenBy = ["accept", "accept-language", "origin"] as const;
const harmlessVary: ReadonlySet<string> = new Set([
  ...chosenBy,
  "accept-encoding",
  "authorization",
  "cookie",
]);

/** What an answer that is stale may stand in for (RFC 5861 §4). */
const failures: ReadonlySet<number> = new Set([500, 502, 503, 504]);
const gone: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/**
 * Who asks, with all that what they may see depends on here, and what is asked. Whoever has other
 * rights than before is somebody else.
 */
export async function keyOf({ request, target, route, bearer }: CacheKeyParts): Promise<string> {
  const who = bearer === "anonymous"
    ? []
    : [bearer.alias ?? null, bearer.sub, bearer.uv ?? null, bearer.roles, bearer.scope];
  const what = [route.upstream.name, target.pathAndQuery, ...chosenBy.map(headerOf(request))];
  const hash = await digest(JSON.stringify([who, what]));
  return fallbackKey({ service: "gateway", what: hash, sub: nameOf(bearer) });
}

/** What is kept of an answer's headers. */
export function headersOf({ headers }: Response): [string, string][] {
  return storedHeaders.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}

function headerOf({ headers }: Request): (name: string) => string | null {
  return (name) => headers.get(name);
}

function nameOf(bearer: Caller): string {
  if (bearer === "anonymous") return "anon";
  return bearer.alias === undefined ? bearer.sub : `${bearer.alias}:${bearer.sub}`;
}

/**
 * Whether anything is kept, given or dropped for a request. Whoever wants no answer kept, or none but
 * a fresh one (RFC 9111 §5.2.1), gets a live one or the failure.
 */
export function isCacheableRequest({ method, headers }: Request): boolean {
  if (method !== "GET") return !safe.has(method);
  const directives = directivesOf(headers);
  return !directives.has("no-store") && !directives.has("no-cache");
}

/** Whether a stale answer may stand in for one of this status. */
export function isServableStale(status: number): boolean {
  return failures.has(status);
}

/** Whether an answer that is not kept says that what is kept is true no more, or must not be there. */
export function invalidates({ status, headers }: Response): boolean {
  return status === 200 ? !headers.has("x-fallback") : gone.has(status);
}

/**
 * A whole good answer, of which the service does not say that it must not be kept or given when it
 * is stale (RFC 9111 §3, §4.2.4), nor that it is not the whole truth already.
 */
export function isCacheable({ status, headers }: Response, bearer: Caller): boolean {
  const directives = directivesOf(headers);
  const forbidden = ["no-store", "no-cache", "must-revalidate", "proxy-revalidate"];
  if (bearer === "anonymous") forbidden.push("private");
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
