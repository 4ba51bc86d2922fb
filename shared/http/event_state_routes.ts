import { createRoute, z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import type { AdminRoutes } from "./event_queue_routes.ts";
import { jsonBody, jsonResponse } from "./openapi.ts";

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
