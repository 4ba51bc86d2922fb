import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { DeadLetter, EventEndpoint } from "../events/mod.ts";
import type { Loggable } from "../log.ts";
import { Problem } from "../problem.ts";
import type { PassportEnv, ServiceApp } from "./api.ts";
import { jsonResponse, ListQuery, noContent } from "./openapi.ts";

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

/** Operators use these routes, not clients: the document leaves them out. */
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
    audit(c, "Parked events released", { unparked });
    return c.json({ unparked }, 200);
  });
}

const Id = z.object({ id: z.string() });
const Text = z.string().nullable();
const DeadLetterDocument = z.object({
  id: z.string(),
  eventId: Text,
  type: Text,
  subject: Text,
  failedAt: Text,
  attempts: z.int().nullable(),
  status: z.int().nullable(),
  poison: z.boolean(),
  reason: z.string(),
});
const Page = z.object({ items: z.array(DeadLetterDocument), nextCursor: Text });
const CompleteDeadLetter = DeadLetterDocument.extend({ event: z.unknown(), answer: Text });
const Replayed = z.object({ replayed: z.int(), poison: z.int(), more: z.boolean() });

const listDeadLetters = createRoute({
  hide,
  method: "get",
  path: "/dead-letters",
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page, the oldest first", Page) },
});

const getDeadLetter = createRoute({
  hide,
  method: "get",
  path: "/dead-letters/{id}",
  request: { params: Id },
  responses: { 200: jsonResponse("One with its event", CompleteDeadLetter) },
});

const replayAll = createRoute({
  hide,
  method: "post",
  path: "/dead-letters/replay",
  request: { query: z.object({ poison: z.enum(["true", "false"]).default("false") }) },
  responses: { 200: jsonResponse("How many were replayed", Replayed) },
});

const replayDeadLetter = createRoute({
  hide,
  method: "post",
  path: "/dead-letters/{id}/replay",
  request: { params: Id },
  responses: { 200: jsonResponse("It was replayed", Replayed.pick({ replayed: true })) },
});

const deleteDeadLetter = createRoute({
  hide,
  method: "delete",
  path: "/dead-letters/{id}",
  request: { params: Id },
  responses: { 204: noContent("It is deleted") },
});

/** Adds the routes that list, replay and delete dead letters. */
export function addDeadLetterRoutes(
  { admin, endpoint: { deadLetters }, audit }: AdminRoutes,
): void {
  admin.openapi(listDeadLetters, async (c) => {
    const { items, nextCursor } = await deadLetters.list(c.req.valid("query"));
    return c.json({ items: [...items], nextCursor }, 200);
  });
  admin.openapi(getDeadLetter, async (c) => {
    return c.json(await deadLetters.find(c.req.valid("param").id), 200);
  });
  admin.openapi(replayAll, async (c) => {
    const poison = c.req.valid("query").poison === "true";
    const replayed = await orUnknownOutcome(deadLetters.replayAll({ poison }), () => {
      audit(c, "Dead letters replayed", { withPoison: poison, ...unknown });
    });
    audit(c, "Dead letters replayed", { withPoison: poison, ...replayed });
    return c.json(replayed, 200);
  });
  admin.openapi(replayDeadLetter, async (c) => {
    const { id } = c.req.valid("param");
    const deadLetter = await orUnknownOutcome(deadLetters.replay(id), () => {
      audit(c, "Dead letter replayed", { deadLetter: id, ...unknown });
    });
    audit(c, "Dead letter replayed", toFields(deadLetter));
    return c.json({ replayed: 1 }, 200);
  });
  admin.openapi(deleteDeadLetter, async (c) => {
    const { id } = c.req.valid("param");
    const deadLetter = await orUnknownOutcome(deadLetters.drop(id), () => {
      audit(c, "Dead letter dropped", { deadLetter: id, ...unknown });
    });
    audit(c, "Dead letter dropped", toFields(deadLetter));
    return c.body(null, 204);
  });
}

function toFields({ id, eventId, type, subject, poison }: DeadLetter) {
  return { deadLetter: id, event: eventId, type, subject, poison };
}

const unknown = { outcome: "unknown" } as const;

/** A call without a response may still have had its effect, so it is audited as well. */
async function orUnknownOutcome<Result>(work: Promise<Result>, note: () => void): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) note();
    throw error;
  }
}
