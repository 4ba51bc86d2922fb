import { requireUser } from "./access.ts";
import type { ServiceApp } from "./create_api.ts";

/** All that a service keeps about a person, in plain names and without secrets. */
export type Export = Readonly<Record<string, unknown>>;

/**
 * Adds `GET /internal/export`: all that the service keeps about the person who asks.
 *
 * It is in no route table of the gateway; the service that puts the parts together calls it with the
 * person's own Passport, so that nobody can ask for somebody else's.
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

/** A time of a row, as exports tell it. */
export function toTime(epochMs: number): string;
/** A time of a row, as exports tell it. */
export function toTime(epochMs: number | null): string | null;
export function toTime(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
