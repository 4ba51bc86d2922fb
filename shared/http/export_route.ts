import { requireUser } from "./access.ts";
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

/** Formats the time of a row for an export. */
export function toTime(epochMs: number): string;
/** Formats the time of a row for an export. */
export function toTime(epochMs: number | null): string | null;
export function toTime(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
