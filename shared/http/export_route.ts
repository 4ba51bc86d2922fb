import { z } from "@hono/zod-openapi";
import { Problem } from "../problem.ts";
import { requireUser } from "./access.ts";
import type { ServiceClient } from "./client.ts";
import type { ServiceApp } from "./create_api.ts";

/** A person's data in a service, with plain field names and without secrets. */
export type Export = Readonly<Record<string, unknown>>;

/**
 * Adds `GET /internal/export`: the service's data about the calling person.
 *
 * The gateway has no route to it. The service that merges the parts calls it with the person's own
 * Passport, so that no caller can export the data of another person.
 */
export function addExportRoute(
  app: ServiceApp,
  readExport: (personId: string) => Promise<Export>,
): void {
  app.get(
    "/internal/export",
    async (c) => c.json(await readExport(requireUser(c.var.passport).userId)),
  );
}

const Part = z.record(z.string(), z.unknown());

/**
 * Reads what each of the services stores about the request's subject, unchanged.
 *
 * @throws {Problem} of the first that fails: an incomplete export must not look complete
 */
export async function collectExports(
  client: ServiceClient<string>,
  services: readonly string[],
): Promise<Readonly<Record<string, Export>>> {
  const parts = await Promise.all(services.map(async (service) => {
    const part = await client.read(service, "/internal/export", Part);
    if (part !== undefined) return [service, part] as const;
    const cause = new Error(`Service ${service} has no export`);
    throw new Problem("upstream_bad_response", { cause });
  }));
  return Object.fromEntries(parts);
}

/** Formats the time of a row for an export. */
export function toTime(epochMs: number): string;
/** Formats the time of a row for an export. */
export function toTime(epochMs: number | null): string | null;
export function toTime(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
