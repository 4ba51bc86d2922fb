import { createRoute, z } from "@hono/zod-openapi";
import type { AdminRoutes } from "./event_admin_routes.ts";
import { jsonResponse } from "./openapi.ts";

const Parked = z.object({
  id: z.string(),
  type: z.string(),
  subject: z.string(),
  reason: z.string(),
});
const Outbox = z.object({
  waiting: z.int(),
  oldestSeconds: z.number().nullable(),
  parked: z.array(Parked),
});

const hide = true;

const readOutbox = createRoute({
  hide,
  method: "get",
  path: "/outbox",
  responses: { 200: jsonResponse("The backlog and the parked events", Outbox) },
});

const unpark = createRoute({
  hide,
  method: "post",
  path: "/outbox/unpark",
  responses: { 200: jsonResponse("How many were released", z.object({ unparked: z.int() })) },
});

/** Adds the routes that show the backlog and release parked events. */
export function addOutboxRoutes({ admin, endpoint, audit, now }: AdminRoutes): void {
  admin.openapi(readOutbox, async (c) => {
    const { waiting, oldest } = await endpoint.waiting();
    return c.json({
      waiting,
      oldestSeconds: oldest === undefined ? null : Math.max(0, now() - oldest) / 1000,
      parked: [...await endpoint.parked()],
    }, 200);
  });
  admin.openapi(unpark, async (c) => {
    const unparked = await endpoint.unpark();
    audit(c, "Parked events let go", { unparked });
    return c.json({ unparked }, 200);
  });
}
