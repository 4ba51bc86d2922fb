import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Delivery, EventEndpoint } from "../events/mod.ts";
import { createApi, limitBody, type PassportEnv, type ServiceApp } from "./api.ts";
import { addDeadLetterRoutes, addOutboxRoutes, type AdminRoutes } from "./event_queue_routes.ts";
import { jsonBody, jsonResponse } from "./openapi.ts";
import { requireRole } from "./route.ts";
import type { Logger } from "../log.ts";
import { Problem } from "../problem.ts";

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

const subject = z.string().regex(/^[\x21-\x7e]{1,200}$/);
const behind = z.union([z.literal(""), subject]);
const sequence = z.int().min(0);
const State = z.object({
  subject,
  type: z.string(),
  data: z.unknown(),
  sequence: sequence.optional(),
});
const Applied = z.record(z.string(), sequence);
const Subjects = z.array(z.string());
const maxStates = 500;

const hide = true;

const describeStates = createRoute({
  hide,
  method: "get",
  path: "/states",
  responses: {
    200: jsonResponse(
      "The facets that the service publishes, and those of others that it projects",
      z.object({
        says: z.array(
          z.object({ aspect: z.string(), ends: z.boolean(), removes: z.boolean() }),
        ),
        keeps: z.array(z.object({ source: z.string(), aspect: z.string(), whole: z.boolean() })),
      }),
    ),
  },
});

const listStates = createRoute({
  hide,
  method: "get",
  path: "/states/{facet}",
  request: {
    params: z.object({ facet: z.string() }),
    query: z.object({
      after: behind.default(""),
      limit: z.coerce.number().int().min(1).max(maxStates).default(200),
    }),
  },
  responses: { 200: jsonResponse("A page, by subject", z.object({ items: z.array(State) })) },
});

const compareStates = createRoute({
  hide,
  method: "post",
  path: "/kept/{source}/{facet}/compare",
  request: {
    params: z.object({ source: z.string(), facet: z.string() }),
    ...jsonBody(z.strictObject({
      after: behind,
      until: subject.nullable(),
      states: z.array(State).max(maxStates),
    })),
  },
  responses: {
    200: jsonResponse(
      "Where the projection differs from a page of the source",
      z.object({
        compared: z.int(),
        missing: Subjects,
        different: Subjects,
        ghosts: Subjects,
        behind: Subjects,
        ended: Subjects,
        applied: Applied,
      }),
    ),
  },
});

const publishStates = createRoute({
  hide,
  method: "post",
  path: "/states/{facet}/say",
  request: {
    params: z.object({ facet: z.string() }),
    ...jsonBody(z.strictObject({
      subjects: z.array(subject).min(1).max(maxStates),
      applied: Applied.optional(),
    })),
  },
  responses: { 200: jsonResponse("How many events were published", z.object({ said: z.int() })) },
});

const removeStates = createRoute({
  hide,
  method: "post",
  path: "/states/{facet}/remove",
  request: {
    params: z.object({ facet: z.string() }),
    ...jsonBody(z.strictObject({ subjects: z.array(subject).min(1).max(maxStates) })),
  },
  responses: { 200: jsonResponse("How many were deleted", z.object({ removed: z.int() })) },
});

/** Adds the routes by which the data of services is reconciled. */
export function addReconciliationRoutes(
  { admin, endpoint: { reconciliation }, audit }: AdminRoutes,
): void {
  admin.openapi(describeStates, (c) => {
    const { publishes, projects } = reconciliation.describe();
    return c.json({ says: publishes.map(onWire), keeps: projects.map(onWire) }, 200);
  });
  admin.openapi(listStates, async (c) => {
    const { facet } = c.req.valid("param");
    const items = requireFacet(await reconciliation.list(facet, c.req.valid("query")));
    return c.json({ items: [...items] }, 200);
  });
  admin.openapi(compareStates, async (c) => {
    const { compared, missing, different, ghosts, behind, ended, applied } = requireFacet(
      await reconciliation.compare(c.req.valid("param"), c.req.valid("json")),
    );
    return c.json({
      compared,
      missing: [...missing],
      different: [...different],
      ghosts: [...ghosts],
      behind: [...behind],
      ended: [...ended],
      applied: { ...applied },
    }, 200);
  });
  admin.openapi(publishStates, async (c) => {
    const { facet } = c.req.valid("param");
    const { subjects, applied } = c.req.valid("json");
    const said = requireFacet(await reconciliation.publish(facet, subjects, applied));
    audit(c, "States published again", { aspect: facet, said });
    return c.json({ said }, 200);
  });
  admin.openapi(removeStates, async (c) => {
    const { facet } = c.req.valid("param");
    const { subjects } = c.req.valid("json");
    const removed = requireFacet(await reconciliation.remove(facet, subjects));
    audit(c, "Subjects deleted that have ended elsewhere", { aspect: facet, removed });
    return c.json({ removed }, 200);
  });
}

/** Commands of 0.1.0 read a facet under its old name. */
function onWire<Rest>({ facet, ...rest }: Rest & { readonly facet: string }) {
  return { ...rest, aspect: facet };
}

function requireFacet<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Problem("not_found");
  return value;
}
