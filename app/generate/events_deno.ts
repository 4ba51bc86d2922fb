import { generatedHead } from "./head.ts";

/** The published types of one service, as far as this needs them. */
interface Published {
  readonly service: string;
  readonly types: readonly string[];
}

/** Consumers of each type, by its name. */
export type Consumers = Readonly<Record<string, readonly string[]>>;

/** Reads the types that each service publishes; a service without `events.ts` publishes none. */
export async function readPublished(root: URL, services: readonly string[]): Promise<Published[]> {
  return await Promise.all(services.map(async (service) => {
    const file = new URL(`services/${service}/events.ts`, root);
    if (!await exists(file)) return { service, types: [] };
    const { events } = await import(file.href);
    return { service, types: Object.keys(events) };
  }));
}

/** The table of every type of event: declared by its publisher, consumed by whoever handles it. */
export function writeEventTable(published: readonly Published[], consumers: Consumers): string {
  const publishing = published.filter(({ types }) => types.length > 0);
  const rows = publishing.flatMap(({ service, types }) =>
    types.map((type) =>
      `  "${type}": { ...${service}["${type}"], source: "/${service}", consumers: ${
        JSON.stringify(consumers[type] ?? [])
      } },`
    )
  );
  return [
    generatedHead,
    ...publishing.map(({ service }) =>
      `import { events as ${service} } from "@edgepass/${service}/events";`
    ),
    `import type { EventTable } from "@edgepass/shared/events";`,
    "",
    "/** Every type of event: its publisher (`source`), facet, consumers, and data. */",
    "export const eventTypes = {",
    ...rows,
    "} as const satisfies EventTable;",
    "",
    "/** Every event type, for the events of a service. */",
    "export type EventTypes = typeof eventTypes;",
    "",
  ].join("\n");
}

/** Whether there is such a file. */
export async function exists(file: URL): Promise<boolean> {
  return await Deno.stat(file).then(() => true, () => false);
}
