import { background } from "@edgepass/shared/background";
import { createBoundedMap } from "@edgepass/shared/bounded-map";
import type { Logger } from "@edgepass/shared/log";
import { Problem } from "@edgepass/shared/problem";
import type { Redis } from "@edgepass/shared/redis";
import { count } from "@edgepass/shared/telemetry";
import * as z from "zod/mini";
import {
  type CacheKeyParts,
  headersOf,
  invalidates,
  isCacheable,
  isCacheableRequest,
  isServableStale,
  keyOf,
} from "./stale_if_error_rules.ts";
import { readJsonText } from "./json_text.ts";
import { readHead, resume } from "./response_head.ts";

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
const storeScript = `
local reply = redis.pcall('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return type(reply) == 'table' and reply.ok and 1 or 0`;
const deleteScript = `
local reply = redis.pcall('DEL', KEYS[1])
return type(reply) == 'number' and reply or 0`;

const StoredResponse = z.object({
  /** When the response was received, in epoch milliseconds. */
  at: z.number(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
type StoredResponse = z.infer<typeof StoredResponse>;

/** Opens the cache for one request. */
export type OpenStaleIfError = (parts: CacheKeyParts) => StaleIfError;

/** Makes the cache of last good responses, in Redis and never in this instance's memory. */
export function createStaleIfError(
  { redis, now, log }: {
    readonly redis: Redis;
    /** Epoch milliseconds. */
    readonly now: () => number;
    readonly log: Logger;
  },
): OpenStaleIfError {
  const lastActions = createBoundedMap<
    string,
    { readonly action: "store" | "delete"; readonly at: number }
  >(maxRemembered, { refresh: true, evictOnReplace: true });
  const onStoreFailure = (cause: unknown) =>
    log.warn("Stored responses cannot be read or written", { cause });

  function isDue(key: string, action: "store" | "delete"): boolean {
    const last = lastActions.get(key);
    if (last?.action === action && Math.abs(now() - last.at) < rewriteAfterMs) return false;
    lastActions.set(key, { action, at: now() });
    return true;
  }

  function write(key: string, stored: StoredResponse, seconds: number): void {
    if (!isDue(key, "store")) return;
    const texts = [JSON.stringify(stored), String(seconds)];
    const work = redis.pipeline((pipeline) => pipeline.eval(storeScript, [key], texts));
    background(work, onStoreFailure);
  }

  function deleteStored(key: string): void {
    if (!isDue(key, "delete")) return;
    const work = redis.pipeline((pipeline) => pipeline.eval(deleteScript, [key], []));
    background(work, onStoreFailure);
  }

  async function read(key: string, maxStaleSeconds: number): Promise<Response | undefined> {
    try {
      const [text] = await redis.pipeline((pipeline) => pipeline.get(key));
      const { data: stored } = StoredResponse.safeParse(
        typeof text === "string" ? JSON.parse(text) : undefined,
      );
      // Another instance's clock may be ahead of this one's: no negative age.
      const ageMs = stored ? Math.max(0, now() - stored.at) : Number.POSITIVE_INFINITY;
      return stored && ageMs <= maxStaleSeconds * 1000 ? toResponse(stored, ageMs) : undefined;
    } catch (cause) {
      onStoreFailure(cause);
      return undefined;
    }
  }

  return function staleIfError(parts) {
    const { request, route: { fallback, path } } = parts;
    const isRead = request.method === "GET";
    if (!fallback || !isCacheableRequest(request)) {
      return noStaleIfError;
    }
    const { maxStaleSeconds } = fallback;
    let key: Promise<string> | undefined;
    const keyOnce = () => key ??= keyOf(parts);

    async function findStored(): Promise<Response | undefined> {
      const response = await read(await keyOnce(), maxStaleSeconds);
      if (!response) return undefined;
      log.warn("The last good response is served for a failed one", { route: path });
      count("edgepass.fallbacks", {
        "edgepass.service": "gateway",
        "edgepass.fallback.source": "cache",
      });
      return response;
    }

    async function storeIfCacheable(live: Response): Promise<Response> {
      const key = await keyOnce();
      if (!isCacheable(live, parts.caller)) {
        if (invalidates(live)) deleteStored(key);
        return live;
      }
      const read = await readHead(live);
      const body = read.rest ? undefined : readJsonText(read.head)?.text;
      if (read.rest) deleteStored(key);
      // A truncated or broken response must not replace the stored one: clients would get it until
      // the end of its lifetime.
      else if (body !== undefined) {
        write(key, { at: now(), headers: headersOf(live), body }, maxStaleSeconds);
      }
      return resume(live, read);
    }

    return {
      async storeOrServeStale(live) {
        if (!isRead) {
          if (live.status < 400) deleteStored(await keyOnce());
          return live;
        }
        if (!isServableStale(live.status)) return await storeIfCacheable(live);
        const last = await findStored();
        if (!last) return live;
        await live.body?.cancel();
        return last;
      },
      async serveStale(failure) {
        const isUpstreams = failure instanceof Problem && isServableStale(failure.status);
        const last = isRead && isUpstreams && !request.signal.aborted
          ? await findStored()
          : undefined;
        if (!last) throw failure;
        return last;
      },
    };
  };
}

const noStaleIfError: StaleIfError = {
  storeOrServeStale: (live) => Promise.resolve(live),
  serveStale: (failure) => Promise.reject(failure),
};

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
