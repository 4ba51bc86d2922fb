import type { EventEndpoint } from "../events/mod.ts";
import { oncePerRequest } from "../isolate.ts";
import { Problem } from "../problem.ts";
import type { SqlDb } from "../sql/mod.ts";
import { prometheusMediaType } from "../telemetry/mod.ts";
import { createApi, respondToError, type ServiceApp } from "./api.ts";
import { requirePassport } from "./require_passport.ts";
import {
  addEventAdminRoutes,
  addEventRoutes,
  eventPaths,
  publishAfterChanges,
} from "./event_routes.ts";
import { deleteResponsesTo } from "../sql/store.ts";
import { idempotent } from "./idempotency.ts";
import {
  limitBody,
  refuseOtherMethods,
  requirePlainBody,
  requireStrictJson,
} from "./request_rules.ts";
import type { ServiceRuntime } from "./service_runtime.ts";

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
  if (idempotency && events) {
    events.projects({ deletionOf: (db, subject) => [deleteResponsesTo(db, subject)] });
  }
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
