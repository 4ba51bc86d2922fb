import { listSettings } from "@edgepass/shared/configuration";
import { makers } from "@edgepass/shared/crypto";
import type { PublishedTypes } from "@edgepass/shared/events";
import {
  type Service,
  type ServiceDescription,
  serviceRuntimeSettings,
} from "@edgepass/shared/http";

/** A declared service, and what its parts say about it. */
export interface Described extends ServiceDescription {
  /** The name of its folder. */
  readonly folder: string;
  readonly service: Service;
  /** The types of event that it publishes. */
  readonly publishes: readonly string[];
  /** The services that it calls, those whose exports it collects too, in the order of the list. */
  readonly calls: readonly string[];
}

/** Declarations that contradict themselves or each other, one line each. */
export class DeclarationError extends Error {
  override readonly name = "DeclarationError";
  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
  }
}

/**
 * Reads the declarations of the listed services and describes their parts. Nothing is started and
 * no database is opened.
 *
 * @throws {DeclarationError} for a service that cannot be read
 */
export async function describeServices(
  root: URL,
  folders: readonly string[],
): Promise<Described[]> {
  const described: Omit<Described, "calls">[] = [];
  const faults: string[] = [];
  for (const folder of folders) {
    try {
      described.push(await describeOne(root, folder));
    } catch (error) {
      const why = error instanceof Error ? error.message.split("\n")[0] : "cannot be read";
      faults.push(`services/${folder}/service.ts: ${why}`);
    }
  }
  if (faults.length > 0) throw new DeclarationError(faults);
  return addCalls(described);
}

/** From the declarations: what the programs have is the table of the last generation. */
export function addCalls(described: readonly Omit<Described, "calls">[]): Described[] {
  const exporting = described.filter(({ service }) => service.exports !== undefined);
  return described.map((one) => {
    const { calls, collectsExports } = one.service;
    const collected = collectsExports ? exporting.filter((other) => other !== one) : [];
    const names = new Set([...calls, ...collected.map(({ folder }) => folder)]);
    const known = described.map(({ folder }) => folder).filter((folder) => names.has(folder));
    return { ...one, calls: [...new Set([...known, ...names])] };
  });
}

async function describeOne(root: URL, folder: string): Promise<Omit<Described, "calls">> {
  const { default: service } = await import(new URL(`services/${folder}/service.ts`, root).href);
  if (!isService(service)) throw new TypeError("has no default export by `defineService`");
  return {
    folder,
    service,
    publishes: Object.keys(await readPublishedTypes(root, folder)),
    ...service.describe(await sampleSettings(service)),
  };
}

/** The types of `events.ts`; a service without the file publishes none. */
export async function readPublishedTypes(root: URL, folder: string): Promise<PublishedTypes> {
  const file = new URL(`services/${folder}/events.ts`, root);
  return await exists(file) ? (await import(file.href)).events : {};
}

function isService(value: unknown): value is Service {
  return typeof value === "object" && value !== null && "describe" in value && "name" in value;
}

/** Values for every setting that a service requires; they open nothing. */
async function sampleSettings(service: Service): Promise<Record<string, string>> {
  const values: Record<string, string> = {
    PUBLIC_ORIGIN: "http://127.0.0.1:8787",
    UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
    UPSTASH_REDIS_REST_TOKEN: crypto.randomUUID(),
  };
  for (const { name, make } of [...listSettings(serviceRuntimeSettings), ...service.settings]) {
    if (make !== undefined) values[name] = await makers[make]();
  }
  return values;
}

/** Whether a service publishes or consumes events. */
export function hasEvents({ publishes, consumes }: Described): boolean {
  return publishes.length + consumes.length > 0;
}

/** Whether there is such a file. */
export async function exists(file: URL): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}
