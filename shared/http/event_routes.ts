import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Delivery, EventEndpoint } from "../events/mod.ts";
import type { ServiceApp } from "./create_api.ts";
import { limitBody } from "./json_text.ts";

/** An event of ours is under a kilobyte; a failure callback carries the event and an answer. */
const maxEventBytes = 262_144;

/** The paths QStash delivers a service's events to; it has no Passport, its signature is verified. */
export function eventPaths({ service }: EventEndpoint): { events: string; failed: string } {
  const events = `/events/${service}`;
  return { events, failed: `${events}/failed` };
}

/**
 * Adds what takes deliveries; it must come before the checks of JSON bodies, for an event that is no
 * JSON is answered 489 and not 400, or QStash would send it again.
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

/** Publishes what a change has put into the outbox, after its answer. */
export function publishAfterChanges(endpoint: EventEndpoint) {
  return createMiddleware(async function publishAfterChanges(c, next) {
    await next();
    if (!safeMethods.has(c.req.method) && c.res.ok) endpoint.publishSoon();
  });
}
