import { ExportPart } from "@edgepass/contracts";
import type { Export, ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

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
