import { createRoute } from "@hono/zod-openapi";
import { createApi, noContent, problems, type ServiceApp } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";
import { formatRevocationPosition, revocationPositionHeader } from "@edgepass/shared/redis";
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

/** The rebuild of an incomplete list. A person who could start one could keep Redis busy. */
export function rebuildRoutes(revocations: RevocationWriter): ServiceApp {
  return createApi().openapi(rebuild, async (c) => {
    if (!c.var.passport.sub.startsWith("svc:")) throw new Problem("forbidden");
    const reached = formatRevocationPosition(await revocations.rebuild());
    return c.body(null, 204, { [revocationPositionHeader]: reached });
  });
}
