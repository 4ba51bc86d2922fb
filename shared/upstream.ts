import * as z from "zod/mini";

/** Something that answers requests: an app in this isolate, a service binding, or a URL. */
export interface Upstream {
  /** Scheme and authority of request URLs; names no reachable host unless the upstream is a URL. */
  readonly origin: string;
  /** Answers a request. */
  fetch(request: Request): Response | Promise<Response>;
}

/** Anything with a `fetch`, as Hono apps and service bindings have it. */
export interface Fetcher {
  /** Answers a request. */
  fetch(request: Request): Response | Promise<Response>;
}

/** An app in this isolate, or a service binding. */
export function localUpstream(name: string, target: Fetcher): Upstream {
  return {
    origin: `http://${name.toLowerCase()}.internal`,
    fetch: (request) => target.fetch(request),
  };
}

/** What both runtimes' `fetch` inflates by itself; other codings pass with their bytes. */
const inflatedCodings: readonly (string | null)[] = ["gzip", "br"];

/**
 * A service at a URL, reached by `fetch`. Redirects are handed back, never followed.
 *
 * The runtimes' `fetch` inflates a compressed body and leaves its headers as they were, so the two
 * headers that no longer fit the bytes are dropped here.
 *
 * `fetch` throws {TypeError} for a request to any other origin: what goes to an upstream may carry
 * a Passport.
 */
export function urlUpstream(origin: string, fetch = globalThis.fetch): Upstream {
  const own = new URL(origin).origin;
  return {
    origin: own,
    async fetch(request) {
      if (new URL(request.url).origin !== own) {
        throw new TypeError("Cannot send a request to another origin than its upstream's");
      }
      const response = await fetch(request, { redirect: "manual" });
      const coding = response.headers.get("content-encoding");
      if (!inflatedCodings.includes(coding) || response.body === null) return response;
      const inflated = new Response(response.body, response);
      inflated.headers.delete("content-encoding");
      inflated.headers.delete("content-length");
      return inflated;
    },
  };
}

/**
 * The same request options, made so that the runtime sends them at most once.
 *
 * Deno's `fetch` repeats a request of any method when the connection closes before an answer, if it
 * holds the whole body or there is none; the upstream may have done the work by then. POST and PATCH
 * are not idempotent (RFC 9110 §9.2.2). A Blob is streamed, so it is sent once, and keeps its length.
 */
export function sentOnce(init: RequestInit): RequestInit {
  const { method = "GET", body = null } = init;
  if (!["POST", "PATCH"].includes(method.toUpperCase())) return init;
  const isHeld = body === null || typeof body === "string" || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body);
  if (!isHeld) return init;
  const type = typeof body === "string" ? "text/plain;charset=UTF-8" : "";
  return { ...init, body: new Blob(body === null ? [] : [body as BlobPart], { type }) };
}

/** A setting that places a service: an origin's URL or a binding. */
export const upstreamSetting = z.union([
  z.string().check(
    z.refine(
      (text) =>
        URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) &&
        new URL(text).href === `${new URL(text).origin}/`,
      "must be the URL of an origin, without path, query or userinfo, or a service binding",
    ),
  ),
  z.custom<Fetcher>(
    (value) =>
      typeof value === "object" && value !== null && "fetch" in value &&
      typeof value.fetch === "function",
    "must be a URL or a service binding",
  ),
]);

/** The upstream that a setting names. */
export function toUpstream(name: string, setting: z.output<typeof upstreamSetting>): Upstream {
  return typeof setting === "string" ? urlUpstream(setting) : localUpstream(name, setting);
}
