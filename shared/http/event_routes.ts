import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Delivery, EventEndpoint } from "../events/mod.ts";
import type { ServiceApp } from "./create_api.ts";
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
