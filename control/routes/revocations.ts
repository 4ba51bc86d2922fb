import {
  actorOf,
  createApi,
  createRoute,
  jsonBody,
  jsonResponse,
  ListQuery,
  noContent,
  problems,
  type ServiceApp,
  toTime,
} from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import { formatRevocationPosition, revocationPositionHeader } from "@edgepass/shared/redis";
import { createBulkhead } from "@edgepass/shared/resilience";
import { readCursor, toPage } from "@edgepass/shared/sql";
import { createRoute as createInternalRoute } from "@hono/zod-openapi";
import * as z from "zod/mini";
import type { IssuerRevocation, IssuerRevocations } from "../issuer_revocations.ts";
import type { RevocationWriter } from "../revocations.ts";
import type { AuditEntry } from "../store/statements.ts";
import { AuditList, NewRevocation, Revocation, RevocationList } from "../schema.ts";

const Position = z.tuple([z.int()]);
const AuditId = z.tuple([z.string()]);

const tags = ["Administration"];

/** A pipeline with a client's token administers too; the audit names it with its kind. */
const administrators = { access: { roles: ["admin"] }, subjects: ["user", "client"] } as const;

const revoke = createRoute({
  method: "post",
  path: "/admin/revocations",
  ...administrators,
  operationId: "revoke",
  summary: "Revoke a token, a login, a subject or a key of an issuer",
  tags,
  request: jsonBody(NewRevocation),
  responses: { 201: jsonResponse("Every gateway refuses from now on", Revocation) },
  problems: ["store_unavailable", "revocation_unavailable"],
});

const listRevocations = createRoute({
  method: "get",
  path: "/admin/revocations",
  ...administrators,
  operationId: "listRevocations",
  summary: "List the revocations that have not expired, newest first",
  tags,
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page of revocations", RevocationList) },
  problems: ["store_unavailable"],
});

const listAudit = createRoute({
  method: "get",
  path: "/admin/audit",
  ...administrators,
  operationId: "listAudit",
  summary: "List who changed what, newest first",
  tags,
  request: { query: ListQuery },
  responses: { 200: jsonResponse("A page of changes", AuditList) },
  problems: ["store_unavailable"],
});

/** Revocation by API, and the audit of changes; only a control plane that runs alone has them. */
export function revocationRoutes(revocations: IssuerRevocations): ServiceApp {
  return createApi()
    .openapi(revoke, async (c) => {
      const actorId = actorOf(c.var.passport);
      const { expiresAt, ...input } = c.req.valid("json");
      const revoked = await revocations.revoke({
        ...input,
        actorId,
        ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
      });
      return c.json(toResponse(revoked), 201);
    })
    .openapi(listRevocations, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const found = await revocations.list({
        limit: limit + 1,
        ...(cursor === undefined ? {} : { before: readCursor(Position, cursor)[0] }),
      });
      const toPosition = ({ position }: IssuerRevocation) => [position];
      return c.json(toPage(found, { limit, toItem: toResponse, toPosition }), 200);
    })
    .openapi(listAudit, async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const found = await revocations.listAudit({
        limit: limit + 1,
        ...(cursor === undefined ? {} : { before: readCursor(AuditId, cursor)[0] }),
      });
      const toItem = ({ id, at, actorId, targetId, what }: AuditEntry) => ({
        id,
        at: toTime(at),
        by: actorId,
        target: targetId,
        what,
      });
      return c.json(toPage(found, { limit, toItem, toPosition: ({ id }) => [id] }), 200);
    });
}

function toResponse({ issuedBefore, expiresAt, revokedAt, ...rest }: IssuerRevocation) {
  const { issuer, level, id, revokedBy, reason } = rest;
  return {
    issuer,
    level,
    id,
    issuedBefore: toTime(issuedBefore),
    expiresAt: toTime(expiresAt),
    revokedAt: toTime(revokedAt),
    revokedBy,
    reason,
  };
}

// In no route table of a gateway: the gateway itself calls it, with a Passport of its own.
const rebuild = createInternalRoute({
  hide: true,
  method: "post",
  path: "/internal/revocations/refill",
  responses: {
    204: noContent("The revocation list is complete"),
    ...problems("forbidden", "revocation_unavailable"),
  },
});

/**
 * Rebuilds at a time in one instance. A fleet of gateways notices an emptied Redis in the same
 * moment: each of their rebuilds writes the whole list, and many at once would slow each other down
 * until none ends within its limit. A refused gateway requests again a second later.
 */
const maxRebuilds = 2;

/** The rebuild of an incomplete list. A person who could start one could keep Redis busy. */
export function rebuildRoutes(revocations: RevocationWriter): ServiceApp {
  const bulkhead = createBulkhead({ maxConcurrent: () => maxRebuilds });
  return createApi().openapi(rebuild, async (c) => {
    if (!c.var.passport.sub.startsWith("svc:")) throw new Problem("forbidden");
    const slot = bulkhead.enter();
    if (!slot) throw new Problem("revocation_unavailable", { headers: { "retry-after": "1" } });
    try {
      const reached = formatRevocationPosition(await revocations.rebuild());
      return c.body(null, 204, { [revocationPositionHeader]: reached });
    } finally {
      slot.release();
    }
  });
}
