import { createRoute } from "@hono/zod-openapi";
import { createApi, noContent, problems, type ServiceApp } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import { formatRevocationPosition, revocationPositionHeader } from "@edgepass/shared/redis";
import { createBulkhead } from "@edgepass/shared/resilience";
import type { RevocationWriter } from "../revocations.ts";

// In no route table of a gateway: the gateway itself calls it, with a Passport of its own.
const rebuild = createRoute({
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
