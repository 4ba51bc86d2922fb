import * as z from "zod/mini";
import { type Bindings, ConfigError } from "./settings.ts";

/**
 * A target of requests: an app in this isolate, a service binding, or a URL.
 *
 * Callers pass a path and query; the origin is the upstream's own, so that no input of a caller can
 * send a Passport to another host.
 */
export interface Upstream {
  /** Its name in spans and metrics. */
  readonly name: string;
  /**
   * Sends a request to `target`, path and query exactly as given. Redirects are returned, never
   * followed.
   *
   * @throws {TypeError} for a target that does not begin with exactly one slash
   */
  fetch(target: string, init?: RequestInit): Promise<Response>;
}

/** Anything with a `fetch`, such as Hono apps and service bindings. */
export interface Fetcher {
  /** Serves a request. */
  fetch(request: Request): Response | Promise<Response>;
}

/** An app in this isolate, or a service binding. */
export function localUpstream(name: string, app: Fetcher): Upstream {
  // A name that no DNS resolves.
  const origin = `http://${name.toLowerCase()}.internal`;
  return {
    name: name.toLowerCase(),
    async fetch(target, init) {
      const url = toUrl(origin, target);
      return await app.fetch(new Request(url, { ...init, redirect: "manual" }));
    },
  };
}

/** After an origin, `//x`, `@x` or `:1` would name another host. */
function toUrl(origin: string, target: string): string {
  if (/^\/(?!\/)/.test(target)) return origin + target;
  throw new TypeError("Cannot send a request: target does not begin with one slash");
}

/** Codings that both runtimes' `fetch` decodes by itself; other codings pass with their bytes. */
const inflatedCodings: readonly (string | null)[] = ["gzip", "br"];

/**
 * A service at a URL, reached by `fetch`. Redirects are returned, never followed.
 *
 * The runtimes' `fetch` decodes a compressed body and leaves its headers unchanged, so the two
 * headers that no longer fit the bytes are dropped here.
 *
 * A redirect to the service itself is returned as a path.
 *
 * On Deno a request may arrive twice unless its options went through `sentOnce`.
 */
export function urlUpstream(url: string, fetch = globalThis.fetch): Upstream {
  const { origin, host } = new URL(url);
  return {
    name: host,
    async fetch(target, init) {
      const response = await fetch(toUrl(origin, target), { ...init, redirect: "manual" });
      return withoutOwnOrigin(describeInflated(response), origin);
    },
  };
}

function describeInflated(response: Response): Response {
  const coding = response.headers.get("content-encoding");
  if (!inflatedCodings.includes(coding) || response.body === null) return response;
  const inflated = new Response(response.body, response);
  inflated.headers.delete("content-encoding");
  inflated.headers.delete("content-length");
  return inflated;
}

/** A caller must not learn the internal origin of an upstream, and its client cannot reach it. */
function withoutOwnOrigin(response: Response, origin: string): Response {
  const location = response.headers.get("location");
  if (!location?.startsWith(`${origin}/`)) return response;
  const relative = new Response(response.body, response);
  relative.headers.set("location", location.slice(origin.length));
  return relative;
}

/**
 * The same request options, changed so that the runtime sends them at most once.
 *
 * Deno's `fetch` repeats a request of any method when the connection closes before a response, if
 * it holds the whole body or there is none; the upstream may have done the work by then. POST and
 * PATCH are not idempotent (RFC 9110 §9.2.2). A Blob is streamed, so it is sent once, and keeps its
 * length.
 */
export function sentOnce(init: RequestInit): RequestInit {
  const { method = "GET", body = null } = init;
  if (!["POST", "PATCH"].includes(method.toUpperCase())) return init;
  if (body === null) return { ...init, body: new Blob() };
  if (typeof body === "string") return { ...init, body: new Blob([body], { type: plainText }) };
  return isBytes(body) ? { ...init, body: new Blob([body]) } : init;
}

/**
 * The content type that `fetch` sets for a text when the caller sets none (Fetch, "extract a
 * body").
 */
const plainText = "text/plain;charset=UTF-8";

function isBytes(body: BodyInit): body is ArrayBuffer | ArrayBufferView<ArrayBuffer> {
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body);
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

/**
 * The upstream that the setting `name` places, or `local` when it places none.
 *
 * @throws {ConfigError} when there is neither
 */
export function placeUpstream(
  name: string,
  setting: z.output<typeof upstreamSetting> | undefined,
  local?: Upstream,
): Upstream {
  if (typeof setting === "string") return { ...urlUpstream(setting), name: name.toLowerCase() };
  if (setting) return localUpstream(name, setting);
  if (local) return local;
  throw new ConfigError(`Cannot start: ${name} is missing`);
}

/** What a composition gives to the runtime: a request handler and its scheduled tasks. */
export interface Application extends Fetcher {
  /** Once, before the first request, where the runtime supports it; idempotent. */
  start?(): Promise<void>;
  /** Every few seconds on Deno, by cron on Workers: the work that a response could not wait for. */
  maintain?(): Promise<void>;
  /**
   * The part of the maintenance that must not wait for a long run; it may run concurrently. Workers
   * do not call it: cron starts a run each minute, whether the last one has ended or not.
   */
  maintainUrgent?(): Promise<void>;
}

/** Creates an application from the deployment's bindings. */
export type Compose = (bindings: Bindings) => Application | Promise<Application>;
