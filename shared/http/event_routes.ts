import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Delivery, EventEndpoint } from "../events/mod.ts";
import type { Logger } from "../log.ts";
import { requireRole } from "./access.ts";
import { createApi, type PassportEnv, type ServiceApp } from "./create_api.ts";
import { addDeadLetterRoutes, addOutboxRoutes, type AdminRoutes } from "./event_queue_routes.ts";
import { addReconciliationRoutes } from "./event_state_routes.ts";
import { limitBody } from "./json_text.ts";

/** An event is under a kilobyte, but a failure callback holds the event and a response. */
const maxEventBytes = 262_144;

/** The paths to which QStash delivers; it has no Passport, so its signature is verified. */
export function eventPaths({ service }: EventEndpoint): { events: string; failed: string } {
  const events = `/events/${service}`;
  return { events, failed: `${events}/failed` };
}

/**
 * Adds the routes for deliveries. They must come before the JSON body checks: an event that is not
 * JSON gets 489 and not 400, because QStash would retry a 400.
 */
export function addEventRoutes(app: ServiceApp, endpoint: EventEndpoint): void {
  const { events, failed } = eventPaths(endpoint);
  endpoint.requireHandlers();
  app.post(events, limitBody(maxEventBytes), async (c) => {
    return c.json({ outcome: await endpoint.receive(await readDelivery(c)) });
  });
  app.post(failed, limitBody(maxEventBytes), async (c) => {
    await endpoint.receiveFailure(await readDelivery(c));
    return c.json({ outcome: "noted" });
  });
}

async function readDelivery(c: Context): Promise<Delivery> {
  return {
    signature: c.req.header("upstash-signature"),
    body: await c.req.arrayBuffer(),
    retried: c.req.header("upstash-retried"),
  };
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Publishes the events of a change after its response. */
export function publishAfterChanges(endpoint: EventEndpoint) {
  return createMiddleware(async function publishAfterChanges(c, next) {
    await next();
    if (!safeMethods.has(c.req.method) && c.res.ok) endpoint.publishSoon();
  });
}

/**
 * Adds the administration of a service's events below `/admin/events/<service>`.
 *
 * The routes are `hide: true`: operators use them, not clients. Only `docs/events.md` documents
 * them.
 */
export function addEventAdminRoutes(
  app: ServiceApp,
  endpoint: EventEndpoint,
  { log, now }: { readonly log: Logger; readonly now: () => number },
): void {
  const admin = createApi();
  admin.use(administratorsOnly);
  const routes: AdminRoutes = {
    admin,
    endpoint,
    now,
    audit: (c, message, fields = {}) =>
      log.info(message, {
        audit: `${c.req.method} ${c.req.path}`,
        by: c.var.passport.sub,
        ...fields,
      }),
  };
  addDeadLetterRoutes(routes);
  addOutboxRoutes(routes);
  addReconciliationRoutes(routes);
  app.route(`/admin/events/${endpoint.service}`, admin);
}

/** The gateway requires the role too, but a service must not rely on that. */
const administratorsOnly = createMiddleware<PassportEnv>(
  async function administratorsOnly(c, next) {
    requireRole(c.var.passport, "admin");
    await next();
  },
);
