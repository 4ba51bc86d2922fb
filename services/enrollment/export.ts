import { ExportPart } from "@edgepass/contracts";
import type { Export, ServiceClient } from "@edgepass/shared/http";
import { Problem } from "@edgepass/shared/problem";

/** The other services that keep something about people. */
export type ExportServices = "auth" | "user" | "course";

/** What other services keep about the person who asks. */
export type OtherExports = Readonly<Record<ExportServices, Export>>;

/**
 * Asks every other service what it keeps about the person whose request is served.
 *
 * @throws {Problem} what one of them fails with: an incomplete export must not look whole
 */
export async function readOtherExports(
  client: ServiceClient<ExportServices>,
): Promise<OtherExports> {
  const ask = async (service: ExportServices): Promise<Export> => {
    const part = await client.read(service, "/internal/export", ExportPart);
    if (part !== undefined) return part;
    const cause = new Error(`Service ${service} has no export`);
    throw new Problem("upstream_bad_response", { cause });
  };
  const [auth, user, course] = await Promise.all([ask("auth"), ask("user"), ask("course")]);
  return { auth, user, course };
}
