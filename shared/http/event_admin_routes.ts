import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { EventEndpoint } from "../events/mod.ts";
import type { Loggable, Logger } from "../log.ts";
import { requireRole } from "./access.ts";
import { createApi, type PassportEnv, type ServiceApp } from "./create_api.ts";
import { addDeadLetterRoutes } from "./event_dead_letter_routes.ts";
import { addOutboxRoutes } from "./event_outbox_routes.ts";
import { addReconciliationRoutes } from "./event_state_routes.ts";

/** Writes one audit line for each change by an administrator. */
export type Audit = (
  c: Context<PassportEnv>,
  message: string,
  fields?: Readonly<Record<string, Loggable>>,
) => void;

/** Dependencies of a group of admin routes. */
export interface AdminRoutes {
  /** Mounted at `/admin/events/<service>`; only administrators reach its routes. */
  readonly admin: ServiceApp;
  readonly endpoint: EventEndpoint;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
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
