import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { EventEndpoint } from "../events/mod.ts";
import type { Loggable, Logger } from "../log.ts";
import { requireRole } from "./access.ts";
import { createApi, type PassportEnv, type ServiceApp } from "./create_api.ts";
import { addDeadLetterRoutes } from "./event_dead_letter_routes.ts";
import { addOutboxRoutes } from "./event_outbox_routes.ts";
import { addReconciliationRoutes } from "./event_state_routes.ts";

/** Writes who did what: one line for each change that an administrator makes. */
export type Audit = (
  c: Context<PassportEnv>,
  message: string,
  fields?: Readonly<Record<string, Loggable>>,
) => void;

/** What a group of admin routes is made of. */
export interface AdminRoutes {
  /** Mounted at `/admin/events/<service>`; everybody who gets here is an administrator. */
  readonly admin: ServiceApp;
  readonly endpoint: EventEndpoint;
  readonly audit: Audit;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Adds what administrators can see and do of a service's events, below `/admin/events/<service>`.
 *
 * The routes are `hide: true`: an operator uses them, no client, so they are in no document but
 * `docs/events.md`.
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

/** The gateway asks for the role too; a service never relies on that. */
const administratorsOnly = createMiddleware<PassportEnv>(
  async function administratorsOnly(c, next) {
    requireRole(c.var.passport, "admin");
    await next();
  },
);
