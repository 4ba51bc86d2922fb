import { ExportPart } from "@edgepass/contracts";
import { z } from "@hono/zod-openapi";
import {
  asAttachment,
  attachmentResponse,
  callProblems,
  createApi,
  createRoute,
  type Export,
  problems,
  type ServiceClient,
} from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

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
    const [others, enrollment] = await Promise.all([readOthers(), readOwn(c.var.user.userId)]);
    asAttachment(c, filename);
    return c.json({ generatedAt: new Date(now()).toISOString(), ...others, enrollment }, 200);
  });
}

/** The other services that store data about people. */
export type ExportServices = "auth" | "user" | "course";

/** What other services store about the request's subject. */
export type OtherExports = Readonly<Record<ExportServices, Export>>;

/**
 * Reads from every other service what it stores about the request's subject.
 *
 * @throws {Problem} of the first that fails: an incomplete export must not look complete
 */
export async function readOtherExports(
  client: ServiceClient<ExportServices>,
): Promise<OtherExports> {
  const readFrom = async (service: ExportServices): Promise<Export> => {
    const part = await client.read(service, "/internal/export", ExportPart);
    if (part !== undefined) return part;
    const cause = new Error(`Service ${service} has no export`);
    throw new Problem("upstream_bad_response", { cause });
  };
  const [auth, user, course] = await Promise.all([
    readFrom("auth"),
    readFrom("user"),
    readFrom("course"),
  ]);
  return { auth, user, course };
}
