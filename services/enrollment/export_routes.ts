import { exportServices } from "@edgepass/contracts";
import { z } from "@hono/zod-openapi";
import {
  asAttachment,
  attachmentResponse,
  callProblems,
  createApi,
  createRoute,
  type Export,
} from "@edgepass/shared/http";

const filename = "export.json";
const Part = z.record(z.string(), z.unknown());

type Parts = { readonly [Service in keyof typeof exportServices]: typeof Part };

const parts = Object.fromEntries(
  Object.entries(exportServices).map((
    [name, description],
  ) => [name, Part.openapi({ description })]),
) as Parts;

/** Everything that is stored about a person, by service. */
export const PersonExport = z.object({
  generatedAt: z.iso.datetime().openapi({ example: "2026-03-01T09:30:00.000Z" }),
  ...parts,
}).openapi("PersonExport");

const exportOwnData = createRoute({
  method: "get",
  path: "/users/me/export",
  access: "authenticated",
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
  },
  problems: [...callProblems, "store_unavailable"],
});

/** Collects what every service stores about the request's subject. */
export function exportRoutes(
  { readOwn, collectExports, now }: {
    readonly readOwn: (personId: string) => Promise<Export>;
    readonly collectExports: () => Promise<Readonly<Record<string, Export>>>;
    /** Epoch milliseconds. */
    readonly now: () => number;
  },
) {
  return createApi().openapi(exportOwnData, async (c) => {
    const [others, own] = await Promise.all([collectExports(), readOwn(c.var.user.userId)]);
    const parts = PersonExport.omit({ generatedAt: true }).parse({ ...others, enrollment: own });
    asAttachment(c, filename);
    return c.json({ generatedAt: new Date(now()).toISOString(), ...parts }, 200);
  });
}
