import type { EventEndpoint } from "../events/mod.ts";
import { oncePerRequest } from "../once_per_request.ts";
import { Problem } from "../problem.ts";
import type { SqlDb } from "../sql/mod.ts";
import { prometheusMediaType } from "../telemetry/mod.ts";
import { createApi, type ServiceApp } from "./create_api.ts";
import { edgepass } from "./require_passport.ts";
import { addEventAdminRoutes } from "./event_admin_routes.ts";
import { addEventRoutes, eventPaths, publishAfterChanges } from "./event_routes.ts";
import { forgetAnswersTo } from "../sql/stored_responses.ts";
import { idempotent, pruneAnswers } from "./idempotency.ts";
import { limitBody, requirePlainBody, requireStrictJson } from "./json_text.ts";
import { refuseOtherMethods } from "./method_not_allowed.ts";
import { respondToError } from "./respond_to_error.ts";
import type { ServiceRuntime } from "./service_runtime.ts";

/** What a service is made of. */
export interface ServiceOptions {
  /** Lower-case name, as in logs and in `svc:<name>`. */
  readonly name: string;
  /** From `createServiceRuntime`. */
  readonly runtime: ServiceRuntime;
  /** Title and summary of the OpenAPI document. */
  readonly description?: string;
  /** What `/readyz` asks, by name; a check that throws makes the service not ready. */
  readonly readiness?: Readonly<Record<string, () => Promise<void>>>;
  /** Further paths that ask for no Passport; a JWK set is the usual case. */
  readonly open?: readonly string[];
  /** Longest request body in bytes. */
  readonly maxBodyBytes?: number;
  /**
   * A database with the table `idempotency_keys`; with it a POST may carry `Idempotency-Key`. Where
   * there are events it is theirs: what a person was answered goes in the batch that ends them.
   */
  readonly idempotency?: SqlDb | undefined;
  /** From `createEvents`, with its handlers: what the service says and hears. */
  readonly events?: EventEndpoint | undefined;
}

/**
 * Makes a service: Passport verification, request context, problem answers, strict JSON bodies, health,
 * and the OpenAPI document. The author adds routes.
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
  // Thrown, it would hide from the 405 middleware, which only looks at answers.
  app.notFound(() => respondToError(new Problem("not_found"), log));
  const activeSpan = ["/livez", "/readyz", "/metrics", "/openapi.json", ...open];
  if (events) activeSpan.push(...Object.values(eventPaths(events)));
  app.use(edgepass({ name, runtime, open: activeSpan }));
  if (events) app.use(publishAfterChanges(events));
  app.use(refuseOtherMethods(app, (methods) => {
    const headers = { allow: methods.join(", ") };
    return respondToError(new Problem("method_not_allowed", { headers }), log);
  }));
  app.use(requirePlainBody);
  if (events) addEventRoutes(app, events);
  app.use(limitBody(maxBodyBytes), requireStrictJson);
  // Registered for POST alone it would count as a route of every path, and hide its 405.
  if (idempotency) app.use(oncePerRequest(idempotent({ sql: idempotency, now: runtime.now })));
  if (idempotency && events) {
    events.projects({
      deletionOf: (db, subject) => [forgetAnswersTo(db, subject)],
      prune: () => pruneAnswers(idempotency, runtime.now()),
    });
  }
  if (events) addEventAdminRoutes(app, events, { log, now: runtime.now });
  app.get("/livez", (c) => c.json({ status: "live" }));
  app.get("/readyz", async (c) => {
    const checks = await runChecks(readiness);
    const ready = Object.values(checks).every((state) => state === "ready");
    return c.json({ status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
  // For scrapers inside the network, which reach a service directly; the gateway has no route here.
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
