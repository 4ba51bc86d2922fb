import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { TrieRouter } from "hono/router/trie-router";
import { decodeUtf8 } from "../crypto/encoding.ts";
import type { EventEndpoint } from "../events/mod.ts";
import { createApi, limitBody, respondToError, type ServiceApp } from "./api.ts";
import { addEventAdminRoutes, addEventRoutes, eventPaths } from "./event_routes.ts";
import { idempotent } from "./idempotency.ts";
import { requirePassport } from "./require_passport.ts";
import type { ServiceRuntime } from "./service_runtime.ts";
import { oncePerRequest } from "../isolate.ts";
import { Problem } from "../problem.ts";
import type { SqlDb } from "../sql/mod.ts";
import { prometheusMediaType } from "../telemetry/mod.ts";

/** Options of {@link createService}. */
export interface ServiceOptions {
  /** Lower-case name, as in logs and in `svc:<name>`. */
  readonly name: string;
  /** From `createServiceRuntime`. */
  readonly runtime: ServiceRuntime;
  /** Title and summary of the OpenAPI document. */
  readonly description?: string;
  /** Checks of `/readyz`, by name; a check that throws makes the service not ready. */
  readonly readiness?: Readonly<Record<string, () => Promise<void>>>;
  /** Further paths that require no Passport, for example a JWK set. */
  readonly open?: readonly string[];
  /** Longest request body in bytes. */
  readonly maxBodyBytes?: number;
  /**
   * A database with the table `idempotency_keys`; with it a POST may have `Idempotency-Key`. A
   * service with events uses the same database: a person's stored responses are deleted in the
   * batch that deletes the person. Expired ones are deleted by `pruneStoredResponses`.
   */
  readonly idempotency?: SqlDb | undefined;
  /** From `createEvents`, with its handlers: the events that the service publishes and consumes. */
  readonly events?: EventEndpoint | undefined;
}

/**
 * Creates a service: Passport verification, request context, problem responses, strict JSON bodies,
 * health routes, and the OpenAPI document. The author adds routes.
 */
export function createService(
  {
    name,
    runtime,
    description = `Service ${name}`,
    readiness = {},
    open = [],
    maxBodyBytes = 1_048_576,
    idempotency,
    events,
  }: ServiceOptions,
): ServiceApp {
  const log = runtime.createLogger(name);
  const app = createApi();
  app.onError((error) => respondToError(error, log));
  // Not thrown: the 405 middleware sees only responses.
  app.notFound(() => respondToError(new Problem("not_found"), log));
  const openPaths = ["/livez", "/readyz", "/metrics", "/openapi.json", ...open];
  if (events) openPaths.push(...Object.values(eventPaths(events)));
  app.use(requirePassport({ name, runtime, open: openPaths }));
  if (events) app.use(publishAfterChanges(events));
  app.use(refuseOtherMethods(app, (methods) => {
    const headers = { allow: methods.join(", ") };
    return respondToError(new Problem("method_not_allowed", { headers }), log);
  }));
  app.use(requirePlainBody);
  if (events) addEventRoutes(app, events);
  app.use(limitBody(maxBodyBytes), requireStrictJson);
  // Not registered for POST only: it would count as a POST route of every path and hide the 405.
  if (idempotency) app.use(oncePerRequest(idempotent({ sql: idempotency, now: runtime.now })));
  if (idempotency && events) events.projectsStoredResponses();
  if (events) addEventAdminRoutes(app, events, { log, now: runtime.now });
  app.get("/livez", (c) => c.json({ status: "live" }));
  app.get("/readyz", async (c) => {
    const checks = await runChecks(readiness);
    const ready = Object.values(checks).every((state) => state === "ready");
    return c.json({ status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
  // For scrapers inside the network, which reach the service directly; the gateway has no such
  // route.
  const { prometheus } = runtime.telemetry;
  if (prometheus) {
    app.get("/metrics", (c) => c.text(prometheus(), 200, { "content-type": prometheusMediaType }));
  }
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: { title: name, description, version: "0.1.0" },
  });
  return app;
}

async function runChecks(
  readiness: Readonly<Record<string, () => Promise<void>>>,
): Promise<Record<string, string>> {
  const states = await Promise.all(
    Object.entries(readiness).map(async ([name, check]) => {
      try {
        await check();
        return [name, "ready"] as const;
      } catch (error) {
        return [name, error instanceof Error ? error.name : "not ready"] as const;
      }
    }),
  );
  return Object.fromEntries(states);
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Publishes the events of a change after its response. */
function publishAfterChanges(endpoint: EventEndpoint) {
  return createMiddleware(async function publishAfterChanges(c, next) {
    await next();
    if (!safeMethods.has(c.req.method) && c.res.ok) endpoint.publishSoon();
  });
}

const maxDepth = 64;
const jsonMediaType = /^application\/([\w.-]+\+)?json$/;

/**
 * Refuses a body with a content coding in requests that bypass the gateway. Services do not decode
 * content codings, because the decoded size has no limit.
 *
 * @throws {Problem} `unsupported_media_type`
 */
export const requirePlainBody = createMiddleware(async function requirePlainBody(c, next) {
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new Problem("unsupported_media_type", {
      detail: "Body must not be compressed",
      headers: { "accept-encoding": "identity" },
    });
  }
  await next();
});

/**
 * Refuses a JSON body that two parsers could read differently.
 *
 * It refuses bytes that are not UTF-8, a byte order mark (RFC 8259 §8.1), and more than 64 levels.
 *
 * @throws {Problem} `malformed_json`
 */
export const requireStrictJson = createMiddleware(async function requireStrictJson(c, next) {
  const [mediaType = ""] = (c.req.header("content-type") ?? "").toLowerCase().split(";");
  if (c.req.raw.body !== null && jsonMediaType.test(mediaType.trim())) {
    // Hono caches the bytes, so its own parser can read them again.
    const text = decode(await c.req.arrayBuffer());
    if (text === undefined || isTooDeep(text)) throw new Problem("malformed_json");
  }
  await next();
});

function decode(bytes: ArrayBuffer): string | undefined {
  try {
    const text = decodeUtf8(bytes);
    return text.startsWith("\ufeff") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Counts brackets outside of strings; the parser refuses brackets that do not match. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (quoted && char === "\\") index++;
    else if (char === '"') quoted = !quoted;
    else if (quoted) continue;
    else if ((char === "{" || char === "[") && ++depth > maxDepth) return true;
    else if (char === "}" || char === "]") depth--;
  }
  return false;
}

/** The routes of an app. */
interface RouteList {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/**
 * Responds with 405 instead of 404 if the path has routes for other methods (RFC 9110 §15.5.6).
 *
 * Hono's own middleware reads a symbol that is private to its copy of Hono. A service mounted in an
 * application with another copy would respond with 500 to every unknown path.
 */
export function refuseOtherMethods(
  app: RouteList,
  refuse: (methods: readonly string[]) => Response,
): MiddlewareHandler {
  let router: TrieRouter<ReadonlySet<string>> | undefined;
  return async function refuseOtherMethods(c, next) {
    // In a mounted app the pattern starts with the mount path: `/api/*` instead of `/*`.
    const mountDepth = c.req.routePath.split("/").length - 2;
    await next();
    if (c.res.status !== 404 || c.error) return;
    router ??= toRouter(app);
    const ownPath = `/${c.req.path.split("/").slice(1 + mountDepth).join("/")}`;
    const methods = router.match("ALL", ownPath)[0].flatMap(([methods]) => [...methods]);
    if (methods.length === 0 || methods.includes(c.req.method)) return;
    // Hono would merge these headers into the new response.
    for (const name of ["allow", "content-length"]) c.res.headers.delete(name);
    c.res = refuse([...new Set(methods)]);
  };
}

/** The methods of each path, found by the path. */
function toRouter({ routes }: RouteList): TrieRouter<ReadonlySet<string>> {
  const methodsByPath = new Map<string, Set<string>>();
  for (const { method, path } of routes) {
    if (method === "ALL" || method === "HEAD") continue;
    const methods = methodsByPath.get(path) ?? new Set();
    methodsByPath.set(path, methods.add(method));
    if (method === "GET") methods.add("HEAD");
  }
  const router = new TrieRouter<ReadonlySet<string>>();
  for (const [path, methods] of methodsByPath) router.add("ALL", path, methods);
  return router;
}
