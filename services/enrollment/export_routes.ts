import { createRoute, z } from "@hono/zod-openapi";
import {
  asAttachment,
  attachmentResponse,
  callProblems,
  createApi,
  type Export,
  problems,
  requireUser,
} from "@edgepass/shared/http";
import type { OtherExports } from "./export.ts";

const filename = "export.json";
const Part = z.record(z.string(), z.unknown());

/** Everything that is stored about a person, by service. */
export const PersonExport = z.object({
  generatedAt: z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" }),
  auth: Part.openapi({ description: "Account, logins, changes of the account" }),
  user: Part.openapi({ description: "Profile" }),
  course: Part.openapi({ description: "Courses the person teaches, drafts too" }),
  enrollment: Part.openapi({ description: "Courses the person is in, with progress" }),
}).openapi("PersonExport");

const exportOwnData = createRoute({
  method: "get",
  path: "/users/me/export",
  operationId: "exportOwnData",
  summary: "All that is kept about oneself; whole or not at all",
  description:
    "What is derived is not in it: suggestions of courses that are kept for an outage of their " +
    "source, for a day at most, and erased with the account.",
  tags: ["Users"],
  responses: {
    200: attachmentResponse(
      "Everything but what only proves who the person is",
      PersonExport,
      filename,
    ),
    ...problems("authentication_required", "forbidden", ...callProblems, "store_unavailable"),
  },
});

/** Collects what every service stores about the request's subject. */
export function exportRoutes(
  { readOwn, readOthers, now }: {
    readonly readOwn: (personId: string) => Promise<Export>;
    readonly readOthers: () => Promise<OtherExports>;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
) {
  return createApi().openapi(exportOwnData, async (c) => {
    const { userId } = requireUser(c.var.passport);
    const [others, enrollment] = await Promise.all([readOthers(), readOwn(userId)]);
    asAttachment(c, filename);
    return c.json({ generatedAt: new Date(now()).toISOString(), ...others, enrollment }, 200);
  });
}
