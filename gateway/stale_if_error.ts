import { background } from "@edgepass/shared/background";
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

/** What a caller was last answered, where a route asks for it to stand in for a live answer. */
export interface StaleIfError {
  /**
   * Keeps a live answer where that may be, and has the last good one stand in for a failed one; drops
   * what is kept where the live answer, or a change, says that it is true no more (RFC 9111 §4.4).
   * What it answers is to be read instead.
   */
  storeOrServeStale(live: Response): Promise<Response>;
  /** The last good answer for a failure of the upstream's; the failure itself where there is none. */
  serveStale(failure: unknown): Promise<Response>;
}

/** An instance writes, or drops, one answer no more often than this, in milliseconds. */
const retryReadAfterMs = 10_000;
/** Callers' answers whose last writing an instance remembers. */
const maxRemembered = 10_000;

/** A Redis that takes no writes still tells who is revoked, and both share a round trip. */
const storeIfVersion = `
local reply = redis.pcall('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return type(reply) == 'table' and reply.ok and 1 or 0`;
const deleteIfVersion = `
local reply = redis.pcall('DEL', KEYS[1])
return type(reply) == 'number' and reply or 0`;

const StoredResponse = z.object({
  /** When it was made, in epoch milliseconds. */
  at: z.number(),
  headers: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
});
type StoredResponse = z.infer<typeof StoredResponse>;

/** Makes what keeps last good answers, in Redis and never in this instance's memory. */
export function createStaleIfError(
  { redis, now, log }: {
    readonly redis: Redis;
    /** Epoch milliseconds. */
    readonly now: () => number;
    readonly log: Logger;
  },
): (asked: CacheKeyParts) => StaleIfError {
  const did = new Map<string, { readonly action: "keep" | "drop"; readonly at: number }>();
  const onStoreFailure = (cause: unknown) =>
    log.warn("No answer is kept or found again", { cause });

  function isDue(key: string, action: "keep" | "drop"): boolean {
    const last = did.get(key);
    if (last?.action === action && Math.abs(now() - last.at) < retryReadAfterMs) return false;
    const [oldest] = did.size >= maxRemembered ? did.keys() : [];
    if (oldest !== undefined) did.delete(oldest);
    did.delete(key);
    did.set(key, { action, at: now() });
    return true;
  }

  function write(key: string, kept: StoredResponse, seconds: number): void {
    if (!isDue(key, "keep")) return;
    const texts = [JSON.stringify(kept), String(seconds)];
    const work = redis.pipeline((pipeline) => pipeline.eval(storeIfVersion, [key], texts));
    background(work, onStoreFailure);
  }

  function drop(key: string): void {
    if (!isDue(key, "drop")) return;
    const work = redis.pipeline((pipeline) => pipeline.eval(deleteIfVersion, [key], []));
    background(work, onStoreFailure);
  }

  async function read(key: string, maxStaleSeconds: number): Promise<Response | undefined> {
    try {
      const [text] = await redis.pipeline((pipeline) => pipeline.get(key));
      const { data: kept } = StoredResponse.safeParse(
        typeof text === "string" ? JSON.parse(text) : undefined,
      );
      // Another instance's clock may be ahead of this one's.
      const ageMs = kept ? Math.max(0, now() - kept.at) : Number.POSITIVE_INFINITY;
      return kept && ageMs <= maxStaleSeconds * 1000 ? toResponse(kept, ageMs) : undefined;
    } catch (cause) {
      onStoreFailure(cause);
      return undefined;
    }
  }

  return function staleIfError(asked) {
    const { request, route: { fallback, path } } = asked;
    const isRead = request.method === "GET";
    if (!fallback || !isCacheableRequest(request)) {
      return noStaleIfError;
    }
    const { maxStaleSeconds } = fallback;
    let key: Promise<string> | undefined;
    const keyOnce = () => key ??= keyOf(asked);

    async function recall(): Promise<Response | undefined> {
      const response = await read(await keyOnce(), maxStaleSeconds);
      if (!response) return undefined;
      log.warn("The last good answer stands in for a live one", { route: path });
      count("edgepass.fallbacks", {
        "edgepass.service": "gateway",
        "edgepass.fallback.source": "cache",
      });
      return response;
    }

    async function keep(live: Response): Promise<Response> {
      const key = await keyOnce();
      if (!isCacheable(live, asked.bearer)) {
        if (invalidates(live)) drop(key);
        return live;
      }
      const read = await readHead(live);
      const body = read.rest ? undefined : readJsonText(read.head)?.text;
      if (read.rest) drop(key);
      // What is broken is no news of what it was to say.
      else if (body !== undefined) {
        write(key, { at: now(), headers: headersOf(live), body }, maxStaleSeconds);
      }
      return resume(live, read);
    }

    return {
      async storeOrServeStale(live) {
        if (!isRead) {
          if (live.status < 400) drop(await keyOnce());
          return live;
        }
        if (!isServableStale(live.status)) return await keep(live);
        const last = await recall();
        if (!last) return live;
        await live.body?.cancel();
        return last;
      },
      async serveStale(failure) {
        const isUpstreams = failure instanceof Problem && isServableStale(failure.status);
        const last = isRead && isUpstreams && !request.signal.aborted ? await recall() : undefined;
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

/** Nobody further on may take it for a live one, or keep it. */
function toResponse({ headers, body }: StoredResponse, ageMs: number): Response {
  const age = Math.floor(ageMs / 1000);
  const marked = new Headers(headers);
  marked.set("x-fallback", `cache; age=${age}`);
  marked.set("age", String(age));
  marked.set("cache-control", "no-store");
  return new Response(body, { headers: marked });
}
