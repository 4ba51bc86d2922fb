import { background, count, createBoundedMap } from "@edgepass/shared/context";
import { digest } from "@edgepass/shared/crypto";
import type { Logger } from "@edgepass/shared/telemetry";
import { Problem } from "@edgepass/shared/problem";
import type { Redis } from "@edgepass/shared/redis";
import { fallbackKey } from "@edgepass/shared/resilience";
import * as z from "zod/mini";
import { type Caller, nameCaller } from "../credentials.ts";
import { toIdentity } from "../passport_claims.ts";
import type { Target } from "../request/target.ts";
import type { CheckedRoute } from "../routes.ts";
import { isJson, maxCheckedBytes, readHead, readJsonText, resume } from "./body.ts";

/** The stale-if-error cache of one request, where its route has a fallback (RFC 5861 §4). */
export interface StaleIfError {
  /**
   * Stores a live response where it is cacheable, and serves the stored one instead of a failed
   * one. It deletes the stored response when the live one, or an unsafe request, invalidates it
   * (RFC 9111 §4.4). The returned response replaces `live`, whose body is consumed.
   */
  storeOrServeStale(live: Response): Promise<Response>;
  /**
   * The stored response for a failure of the upstream; rejects with the failure where there is
   * none.
   */
  serveStale(failure: unknown): Promise<Response>;
}

/** An instance writes, or deletes, one response at most once in this time, in milliseconds. */
const rewriteAfterMs = 10_000;
/** Cache keys whose last write an instance remembers. */
const maxRemembered = 10_000;

/** `pcall`: a read-only Redis still serves revocations, and both may share one round trip. */
const scripts = {
  store: `
local reply = redis.pcall('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return type(reply) == 'table' and reply.ok and 1 or 0`,
  delete: `
local reply = redis.pcall('DEL', KEYS[1])
return type(reply) == 'number' and reply or 0`,
} as const;

const StoredResponse = z.object({
  /** When the response was received, in epoch milliseconds. */
  at: z.number(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
type StoredResponse = z.infer<typeof StoredResponse>;

/** Opens the cache for one request; undefined where it does not apply. */
export type OpenStaleIfError = (parts: CacheKeyParts) => StaleIfError | undefined;

interface StoreOptions {
  readonly redis: Redis;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}

/** Makes the cache of last good responses, in Redis and never in this instance's memory. */
export function createStaleIfError(options: StoreOptions): OpenStaleIfError {
  const { now, log } = options;
  const store = createStore(options);
  return function staleIfError(parts) {
    const { request, route: { fallback, path }, caller } = parts;
    if (!fallback || !isCacheableRequest(request)) return undefined;
    const { maxStaleSeconds } = fallback;
    const isRead = request.method === "GET";
    let key: Promise<string> | undefined;
    const keyOnce = () => key ??= keyOf(parts);

    async function findStored(): Promise<Response | undefined> {
      const response = await store.read(await keyOnce(), maxStaleSeconds);
      if (!response) return undefined;
      log.warn("A stored response replaces a failed one", { route: path });
      count("edgepass.fallbacks", {
        "edgepass.service": "gateway",
        "edgepass.fallback.source": "cache",
      });
      return response;
    }

    async function storeIfCacheable(live: Response): Promise<Response> {
      const key = await keyOnce();
      if (!isCacheable(live, caller)) {
        if (invalidates(live)) store.delete(key);
        return live;
      }
      const read = await readHead(live);
      const body = read.rest ? undefined : readJsonText(read.head)?.text;
      if (read.rest) store.delete(key);
      // A truncated or broken response must not replace the stored one: clients would get it until
      // the end of its lifetime.
      else if (body !== undefined) {
        store.write(key, { at: now(), headers: headersOf(live), body }, maxStaleSeconds);
      }
      return resume(live, read);
    }

    return {
      async storeOrServeStale(live) {
        if (!isRead && live.status < 400) store.delete(await keyOnce());
        if (!isRead) return live;
        if (!isServableStale(live.status)) return await storeIfCacheable(live);
        const last = await findStored();
        if (last) await live.body?.cancel();
        return last ?? live;
      },
      async serveStale(failure) {
        const isUpstreams = failure instanceof Problem && isServableStale(failure.status);
        const mayServe = isRead && isUpstreams && !request.signal.aborted;
        const last = mayServe ? await findStored() : undefined;
        if (!last) throw failure;
        return last;
      },
    };
  };
}

/** The responses in Redis. Writes go on after the response; a failure of Redis is only logged. */
function createStore({ redis, now, log }: StoreOptions) {
  const lastActions = createBoundedMap<
    string,
    { readonly action: "store" | "delete"; readonly at: number }
  >(maxRemembered, { refresh: true, evictOnReplace: true });
  const onFailure = (cause: unknown) =>
    log.warn("Stored responses cannot be read or written", { cause });

  function run(action: "store" | "delete", key: string, values: string[]): void {
    const last = lastActions.get(key);
    if (last?.action === action && Math.abs(now() - last.at) < rewriteAfterMs) return;
    lastActions.set(key, { action, at: now() });
    background(
      redis.pipeline((pipeline) => pipeline.eval(scripts[action], [key], values)),
      onFailure,
    );
  }

  return {
    write: (key: string, stored: StoredResponse, seconds: number): void =>
      run("store", key, [JSON.stringify(stored), String(seconds)]),
    delete: (key: string): void => run("delete", key, []),
    async read(key: string, maxStaleSeconds: number): Promise<Response | undefined> {
      try {
        const [text] = await redis.pipeline((pipeline) => pipeline.get(key));
        const { data: stored } = StoredResponse.safeParse(
          typeof text === "string" ? JSON.parse(text) : undefined,
        );
        // Another instance's clock may be ahead of this one's: no negative age.
        const ageMs = stored ? Math.max(0, now() - stored.at) : Number.POSITIVE_INFINITY;
        return stored && ageMs <= maxStaleSeconds * 1000 ? toResponse(stored, ageMs) : undefined;
      } catch (cause) {
        onFailure(cause);
        return undefined;
      }
    },
  };
}

/**
 * Marks a stale response: caches further on must not store it, and clients can tell it from a live
 * one.
 */
function toResponse({ headers, body }: StoredResponse, ageMs: number): Response {
  const age = Math.floor(ageMs / 1000);
  const marked = new Headers(headers);
  marked.set("x-fallback", `cache; age=${age}`);
  marked.set("age", String(age));
  marked.set("cache-control", "no-store");
  return new Response(body, { headers: marked });
}

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
 * The cache key: the caller with all that their Passport says of them, but for the login, and the
 * request. A caller whose rights changed gets another key, so no response is served that they may no
 * longer see.
 */
async function keyOf({ request, target, route, caller }: CacheKeyParts): Promise<string> {
  const { sid: _, ...rights } = toIdentity(caller, 1);
  const requestParts = [
    route.upstream.name,
    target.pathAndQuery,
    ...selectingHeaders.map(headerOf(request)),
  ];
  const hash = await digest(JSON.stringify([rights, requestParts]));
  return fallbackKey({ service: "gateway", what: hash, sub: nameCaller(caller) });
}

/** The headers of a response that are stored. */
function headersOf({ headers }: Response): [string, string][] {
  return storedHeaders.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}

function headerOf({ headers }: Request): (name: string) => string | null {
  return (name) => headers.get(name);
}

/**
 * Whether the cache applies to a request. A client that sends `no-store` or `no-cache`
 * (RFC 9111 §5.2.1) gets a live response or the failure.
 */
function isCacheableRequest({ method, headers }: Request): boolean {
  if (method !== "GET") return !safe.has(method);
  const directives = directivesOf(headers);
  return !directives.has("no-store") && !directives.has("no-cache");
}

/** Whether a stale response may be served instead of one with this status. */
function isServableStale(status: number): boolean {
  return failures.has(status);
}

/** Whether a response that is not cacheable invalidates the stored one. */
function invalidates({ status, headers }: Response): boolean {
  return status === 200 ? !headers.has("x-fallback") : gone.has(status);
}

/**
 * Whether a response is complete and good, and the service neither forbids to store it or to serve
 * it stale (RFC 9111 §3, §4.2.4), nor marks it as a fallback already.
 */
function isCacheable({ status, headers }: Response, caller: Caller): boolean {
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
